// What a person hears who does not look at the page: an alert that is new on the open list, or has become worse.

import { byId, h, told } from "./dom.js";
import { SEVERITIES, SEVERITY_WORDS } from "./words.js";

/** An alert as an answer of the desk has it, which may know what is new before the stream tells of it. before: what was
 * known until then. */
export function answered(alert, known) {
  const same = known && "before" in known && known.sequence === alert.sequence;
  return { ...alert, before: same ? known.before : known && { view: known.view, severity: known.severity } };
}

/** What was known of an alert before the stream told of it. */
export function heardOf(alert, known) {
  const unheard = known && "before" in known && known.sequence === alert.sequence && known.team === alert.team;
  return unheard ? known.before : known;
}

/** Whether an alert is to be told. known: as it was before, if it was known. */
export function tells(alert, known) {
  if (alert.view !== "open") return false;
  return !known || known.view !== "open" || SEVERITIES.indexOf(alert.severity) > SEVERITIES.indexOf(known.severity);
}

/** In quiet hours emergencies only. */
export function announce(alert, known, quiet) {
  if (quiet && alert.severity !== "emergency") return;
  const word = SEVERITY_WORDS[alert.severity] ?? alert.severity;
  const said = [`${known ? "Now" : "New"} ${word.toLowerCase()} alert: `, h("span", told(), alert.title), `, patient ${alert.patient}`];
  byId(alert.severity === "emergency" ? "shout" : "say").replaceChildren(...said);
}

/** Nothing of what was said stays, which names patients. */
export function hush() {
  for (const id of ["say", "shout", "told-words"]) byId(id).replaceChildren();
  byId("told").hidden = true;
}
