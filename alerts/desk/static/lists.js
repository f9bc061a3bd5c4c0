// The lists above the alerts, how many are on each, and what of the one that is shown is not seen.

import { byId, h, setText } from "./dom.js";
import { LISTS } from "./words.js";

/** Draw the lists. setView: called with the one that is wanted. */
export function drawLists({ view: shown, counters }, setView) {
  const counts = counters?.lists ?? {};
  const buttons = LISTS.map(({ view, word }) =>
    h(
      "button",
      { type: "button", class: "list", data: { view }, aria: { pressed: String(view === shown) }, onclick: () => setView(view) },
      word,
      h("span", { class: "count" }, String(counts[view] ?? "…")),
    ),
  );
  const focused = document.activeElement?.dataset.view;
  byId("lists").replaceChildren(...buttons);
  if (focused) buttons.find((one) => one.dataset.view === focused)?.focus();
  const open = counts.open ?? 0;
  document.title = `${open ? `(${open}) ` : ""}homebeat desk`;
}

/** That nothing waits, and of whose patients: who is in no team, or in one that is misspelt, has no calm shift. */
function calmWords(member) {
  const { role, teams } = member ?? { role: "admin" };
  const all = role === "admin" || teams.includes("*");
  const none = role === "lead" ? "see only patients without one" : "see no patient";
  if (!all && !teams.length) return [h("strong", {}, `You are in no team yet, and ${none}.`), "An admin can put you into your team."];
  const whose = all ? [] : [`Of patients of ${teams.join(", ")}.`];
  return [h("strong", {}, "Nothing waits for an answer."), ...whose, "New alerts appear here by themselves."];
}

/** What the list does not show, and why: a list that is narrowed never looks like one with nothing on it. seen: how many
 * alerts are; filtered: whether it is narrowed by filters. */
export function drawNote({ view, quiet, counters, member }, seen, filtered) {
  const word = LISTS.find((one) => one.view === view).word.toLowerCase();
  byId("empty").hidden = seen > 0;
  const more = (counters?.lists[view] ?? 0) - seen;
  const calm = view === "open" ? calmWords(member) : [`No ${word} alerts.`];
  const said = filtered ? ["Nothing on this list matches the filters."] : quiet && more > 0 ? ["Nothing on this list that cannot wait."] : calm;
  byId("empty").replaceChildren(...said.map((line) => h("p", {}, line)));
  byId("list-note").hidden = more <= 0 || (!seen && !quiet && !filtered);
  const waits = `${more} that can wait ${more === 1 ? "is" : "are"} kept for the morning`;
  setText(byId("list-note"), filtered ? `${more} more are hidden by the filters` : quiet ? waits : `${more} more are not shown`);
}
