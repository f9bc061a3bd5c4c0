// Any patient of one's teams, whether or not something is told of them.

import * as api from "./api.js";
import { byId, h, setText } from "./dom.js";

const TYPING_MS = 250;
const MOST = 20; // as many as the desk answers with

/** Draw the search. open: called with a patient's id. */
export function showSearch(open) {
  let asking = null;
  const found = h("ul", { class: "found", aria: { label: "Patients found" } });
  const said = h("p", { class: "quiet", role: "status" });
  const field = h("input", { id: "search-patient", type: "search", maxlength: "128", spellcheck: "false", autocapitalize: "none", autocomplete: "off" });
  const ask = async () => {
    const begins = field.value.trim();
    try {
      const { patients } = await api.findPatients(begins);
      if (begins !== field.value.trim()) return null; // an answer to what is no longer asked
      found.replaceChildren(...patients.map((one) => row(one, open)));
      return setText(said, words(patients.length, begins));
    } catch (problem) {
      found.replaceChildren();
      return setText(said, problem.message);
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(asking);
    asking = setTimeout(ask, TYPING_MS);
  });
  const form = h("form", { class: "search", role: "search", onsubmit: (event) => (event.preventDefault(), ask()) }, h("label", { for: "search-patient" }, "Number of the patient"), field);
  byId("report").replaceChildren(h("header", { class: "report-head" }, h("h2", {}, "Patients")), form, said, found);
  ask();
}

function row({ patient, care_team: team }, open) {
  return h("li", {}, h("button", { type: "button", class: "way", onclick: () => open(patient) }, patient), h("span", { class: "quiet" }, ` · ${team ?? "no care team"}`));
}

function words(many, begins) {
  if (!many) return begins ? "No patient of your teams has a number that begins so." : "Your teams have no patient yet.";
  if (many >= MOST) return `The first ${MOST}: type ${begins ? "more of" : "how"} the number ${begins ? "" : "begins "}to see others.`;
  return many === 1 ? "1 patient" : `${many} patients`;
}
