// When a colleague was faster: the log took theirs, and what was sent second changed nothing.

import { byId, h, told } from "./dom.js";

/** Whether somebody else was faster, so that an action of this kind has changed nothing, or would not. */
export function outrun(alert, type, me) {
  if (!alert.by || alert.by === me) return false;
  return alert.state === "resolved" || (type === "acknowledge" && alert.state === "acknowledged");
}

export const whoHas = (alert) => (alert.state === "resolved" ? `${alert.by} has resolved it already` : `${alert.owner ?? alert.by} has it already`);

/** Said where it is seen, until it is put away. */
export function tellOutrun(alert) {
  const rest = `, patient ${alert.patient}. What you sent came second and changed nothing.`;
  byId("told-words").replaceChildren(`${whoHas(alert)}: `, h("span", told(), alert.title), rest);
  byId("told").hidden = false;
}
