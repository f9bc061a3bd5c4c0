// When what was sent did not come to pass: a colleague was faster, and the log took theirs; or nobody has decided about it.

import { byId, h, told } from "./dom.js";

let unconfirmed = 0; // of which it is said just now

/** Whether somebody else was faster, so that an action of this kind has changed nothing, or would not. */
export function outrun(alert, type, me) {
  if (!alert.by || alert.by === me) return false;
  return alert.state === "resolved" || (type === "acknowledge" && alert.state === "acknowledged");
}

export const whoHas = (alert) => (alert.state === "resolved" ? `${alert.by} has resolved it already` : `${alert.owner ?? alert.by} has it already`);

/** Said where it is seen, until it is put away. */
export function tellOutrun(alert) {
  const rest = `, patient ${alert.patient}. What you sent came second and changed nothing.`;
  unconfirmed = 0;
  byId("told-words").replaceChildren(`${whoHas(alert)}: `, h("span", told(), alert.title), rest);
  byId("told").hidden = false;
}

/** Nobody has decided about it yet: who has walked on must not take it for done. */
export function tellUnconfirmed(alert) {
  unconfirmed = byId("told").hidden ? 1 : unconfirmed + 1;
  const rest = "It may not be recorded: look again before you rely on it.";
  const what = unconfirmed > 1 ? [`Not confirmed yet: ${unconfirmed} alerts. `] : ["Not confirmed yet: ", h("span", told(), alert.title), `, patient ${alert.patient}. `];
  byId("told-words").replaceChildren(...what, rest);
  byId("told").hidden = false;
}
