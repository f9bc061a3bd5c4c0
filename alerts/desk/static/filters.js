// What a member wants to see of a list. It is kept in the address, so that it survives a reload and can be sent to a colleague.

import { byId, h, setText } from "./dom.js";
import { seconds } from "./words.js";

const FIELDS = ["severity", "team", "whose", "rule", "patient", "overdue"];
const ANY = { team: "Any team", rule: "Any rule" };
const LONGEST = 128; // characters the desk takes
const field = (name) => byId(`filter-${name}`);

export class Filters {
  /** changed: called when something else is wanted. */
  constructor(changed) {
    this.changed = changed;
    this.offered = { team: new Set(), rule: new Set() };
    this.wanted = {};
    const form = byId("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.take());
    byId("filter-clear").addEventListener("click", () => this.clear());
    this.read();
  }

  get active() {
    return Object.keys(this.wanted).length > 0;
  }

  /** Whether an alert is wanted, by the same rules as the desk's API, which need not be asked for every piece of news. */
  matches(alert, { nowS, me }) {
    const { severity, team, whose, rule, patient, overdue } = this.wanted;
    if (severity && alert.severity !== severity) return false;
    if (team && alert.team !== team) return false;
    if (rule && alert.rule.id !== rule) return false;
    if (whose && alert.owner !== (whose === "mine" ? me : null)) return false;
    if (patient && !alert.patient.startsWith(patient)) return false;
    return !overdue || (alert.due_at !== null && nowS !== null && seconds(alert.due_at) < nowS);
  }

  /** What can be chosen of `team` and `rule`: those of which something was seen. */
  offer(name, values) {
    const known = this.offered[name];
    const news = values.filter((one) => one && !known.has(one));
    if (!news.length) return;
    news.forEach((one) => known.add(one));
    const chosen = field(name).value;
    const options = [...known].sort().map((one) => h("option", { value: one }, one));
    field(name).replaceChildren(h("option", { value: "" }, ANY[name]), ...options);
    field(name).value = chosen;
  }

  /** Want this and nothing else. */
  set(wanted) {
    byId("filters").reset();
    this.offer("rule", [wanted.rule]);
    for (const [name, value] of Object.entries(wanted)) {
      if (name === "overdue") field(name).checked = value;
      else field(name).value = value;
    }
    this.take();
  }

  /** From the address into the fields. What cannot be chosen is left out, and so never hides anything unseen. */
  read() {
    const asked = new URLSearchParams(location.search);
    const text = (name) => (asked.get(name) ?? "").slice(0, LONGEST);
    for (const name of Object.keys(ANY)) this.offer(name, [text(name)]);
    for (const name of FIELDS) {
      if (name === "overdue") field(name).checked = text(name) === "true";
      else field(name).value = text(name);
      if (field(name).selectedIndex < 0) field(name).value = "";
    }
    this.wanted = this.fromFields();
    byId("filter-clear").hidden = !this.active;
  }

  fromFields() {
    const value = (name) => (name === "overdue" ? (field(name).checked ? "true" : "") : field(name).value.trim());
    return Object.fromEntries(FIELDS.map((name) => [name, value(name)]).filter(([, text]) => text));
  }

  /** From the fields into the address. */
  take() {
    this.wanted = this.fromFields();
    const query = new URLSearchParams(this.wanted).toString();
    history.replaceState(null, "", location.pathname + (query && `?${query}`));
    byId("filter-clear").hidden = !this.active;
    this.changed();
  }

  clear() {
    byId("filters").reset();
    this.take();
    field("patient").focus();
    setText(byId("say"), "No filters: everything on the list is shown.");
  }
}
