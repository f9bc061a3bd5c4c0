// Which other problems are one incident with an alert. The words come from the desk, in the language of the alerts.

import { h, told } from "./dom.js";
import { severityTag } from "./worklist.js";
import { STATE_WORDS } from "./words.js";

/** What the desk says of a problem that does not stand alone; nothing for one that does. */
export const incidentWords = ({ incident_words: words }) => (words ? h("p", { class: "incident", ...told() }, words) : null);

/** The other problems on the page of one of them, each with its way there. open: called with an alert. */
export function incidentSection(others, open) {
  if (!others.length) return h("section", { hidden: true });
  const line = (one) =>
    h(
      "li",
      {},
      severityTag(one.severity),
      h("button", { type: "button", class: "title", onclick: () => open(one), ...told() }, one.title),
      h("span", { class: "state" }, STATE_WORDS[one.state] ?? one.state),
    );
  return h(
    "section",
    { aria: { label: "Other problems in this incident" } },
    h("h2", {}, "Also in this incident"),
    h("ul", { class: "incident-others" }, others.map(line)),
  );
}
