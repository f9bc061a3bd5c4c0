// How each vital of a patient stands, and the early warning score of the newest set of observations.

import { h } from "./dom.js";
import { VITAL_STATE_WORDS, fullTime, measured, seconds, span, vitalWord } from "./words.js";

/** evidence: of the alert that is shown, of which there may be readings that are newer than any window. */
export function statesSection(found, evidence = []) {
  if (found === null) return h("p", { class: "problem" }, "How the vitals stand cannot be shown now.");
  const withdrawn = found.withdrawn.map((one) => h("p", {}, h("strong", {}, one.words)));
  if (!found.vitals.length && !withdrawn.length) return h("section", {});
  const nowS = seconds(found.log_time);
  return h(
    "section",
    { aria: { label: "How each vital stands" } },
    h("h2", {}, "How each vital stands"),
    withdrawn,
    found.vitals.length ? h("ul", { class: "vital-states" }, found.vitals.map((one) => vitalState(one, nowS, newerThan(one, evidence)))) : null,
    found.news2 ? earlyWarning(found.news2, nowS) : null,
  );
}

/** NEWS2 between its bounds: what is missing is said, and never taken for normal. */
function earlyWarning(one, nowS) {
  const atS = seconds(one.at);
  const score = one.lower === one.upper ? `${one.lower}` : `${one.lower} to ${one.upper}`;
  const missing = one.missing.length ? `; not known: ${one.missing.join(", ")}` : "";
  return h(
    "p",
    { class: "news2" },
    h("abbr", { title: "National Early Warning Score 2" }, "NEWS2"),
    ` ${score} of 20, `,
    h("span", { title: fullTime(atS) }, `${span(Math.max(nowS - atS, 0))} ago`),
    `${one.red ? "; one part scores 3" : ""}${one.scale === 2 ? "; saturation by scale 2" : ""}${missing}. `,
    h("span", { class: "quiet" }, "Context, not an alert."),
  );
}

/** What the alert is about, of this vital, if it is newer than the last window; null if there is nothing. */
function newerThan({ vital, state, last_at: lastAt }, evidence) {
  if (!["normal", "deviating"].includes(state)) return null;
  const mine = evidence.filter((one) => one.vital === vital && Number.isFinite(one.value) && (!lastAt || seconds(one.at) > seconds(lastAt)));
  return mine.sort((one, other) => seconds(other.at) - seconds(one.at))[0] ?? null;
}

/** A vital that is not known or withheld never looks like a normal one: other word, other shape, no value as of now. */
function vitalState(one, nowS, alarmed) {
  const lastS = seconds(one.last_at);
  const words = alarmed ? `In the alert: ${measured(one.vital, alarmed.value, one.unit)}, ${span(Math.max(nowS - seconds(alarmed.at), 0))} ago` : (VITAL_STATE_WORDS[one.state] ?? one.state);
  const age = lastS === null ? "" : `last ${measured(one.vital, one.last_value, one.unit)}, ${span(Math.max(nowS - lastS, 0))} ago`;
  return h(
    "li",
    { class: `vital-state ${alarmed ? "told" : one.state}` },
    h("span", { class: "name" }, vitalWord(one.vital)),
    h("span", { class: "word" }, words),
    h("span", { class: "quiet", title: lastS === null ? "" : fullTime(lastS) }, age),
  );
}
