// The hand-over of a shift, and what alerts cost the team.

import * as api from "./api.js";
import { byId, h, told } from "./dom.js";
import { incidentWords } from "./incident.js";
import { dueText, severityTag } from "./worklist.js";
import { SEVERITY_WORDS, fullTime, many, seconds, span, time } from "./words.js";

const PARTS = [
  { part: "open", word: "Open: waits for an answer", none: "Nothing waits for an answer." },
  { part: "snoozed", word: "Snoozed", none: "Nothing is snoozed." },
  { part: "in_hand", word: "In hand", none: "Nobody has taken anything up." },
  { part: "done", word: "Done in this shift", none: "Nothing was resolved in this shift." },
];

const last = { hours: 12, days: 7 }; // what was looked at last

/** Draw the hand-over. choose: called with an alert. */
export async function showHandover(choose, hours = last.hours) {
  const found = await api.handover(hours);
  last.hours = hours;
  const nowS = seconds(found.log_time);
  const choices = [8, 12, 24].map((one) =>
    h("button", { type: "button", class: "range", aria: { pressed: String(one === hours) }, onclick: () => showHandover(choose, one) }, `${one} h`),
  );
  byId("report").replaceChildren(
    h(
      "header",
      { class: "report-head" },
      h("div", {}, h("h2", {}, "Hand-over"), h("p", { class: "quiet" }, `Since ${fullTime(seconds(found.since))}, as of ${fullTime(nowS)}`)),
      h("div", { class: "ranges", role: "group", aria: { label: "Length of the shift" } }, choices),
    ),
    ...PARTS.map((one) => part(one, found[one.part], found[`${one.part}_more`], nowS, choose)),
  );
}

function part({ part: name, word, none }, alerts, more, nowS, choose) {
  const rows = alerts.map((one) => row(name, one, nowS, choose));
  return h(
    "section",
    { aria: { label: word } },
    h("h3", {}, word, h("span", { class: "state" }, `${alerts.length}${more ? "+" : ""}`)),
    rows.length ? h("div", { class: "rows" }, rows) : h("p", { class: "quiet" }, none),
  );
}

function row(name, alert, nowS, choose) {
  return h(
    "div",
    { class: "row" },
    severityTag(alert.severity),
    h(
      "div",
      {},
      h("button", { type: "button", class: "title", onclick: () => choose(alert), ...told() }, alert.title),
      h("p", { class: "quiet" }, `${alert.patient} · ${alert.team ?? "no care team"} · since ${time(seconds(alert.onset_at), nowS)}`),
      incidentWords(alert),
    ),
    h("p", { class: "quiet" }, ...standing(name, alert, nowS)),
  );
}

const why = ({ reason }) => (reason ? [": ", h("span", told(), reason)] : []);

/** What the next shift must know of one alert. */
function standing(name, alert, nowS) {
  const owner = alert.owner ? `with ${alert.owner}` : "with nobody yet";
  if (name === "snoozed") return [`until ${time(seconds(alert.snoozed_until), nowS)}, by ${alert.by ?? "–"}`, ...why(alert)];
  if (name === "done") return [`${alert.by ? `by ${alert.by}` : "by itself"} at ${time(seconds(alert.decided_at), nowS)}`, ...why(alert)];
  if (name === "in_hand") return [alert.state === "snoozed" ? `snoozed by ${alert.by ?? "–"}` : owner, ...why(alert)];
  const due = dueText(alert, nowS);
  return [due.text ? h("span", { class: due.late ? "late" : "" }, due.text) : "", `${due.text ? " · " : ""}${owner}`];
}

const percent = (part, whole) => (whole ? `${Math.round((part / whole) * 100)} %` : "–");
const wait = (lengthS) => (lengthS === null ? "–" : span(lengthS));

/** A word of a table that leads to what it counts. label: where that is, for those who hear it. */
const way = (text, label, go) => h("button", { type: "button", class: "way", aria: { label: `${text}: ${label}` }, onclick: go }, text);

/** Draw what alerts cost the team in the last days. ways: to a `patient`, and to a `list` with filters. */
export async function showCost(ways, days = last.days) {
  const found = await api.cost(days);
  last.days = days;
  const choices = [1, 7, 30].map((one) =>
    h("button", { type: "button", class: "range", aria: { pressed: String(one === days) }, onclick: () => showCost(ways, one) }, one === 1 ? "1 day" : `${one} days`),
  );
  const perDay = found.patients ? found.alerts / (found.patients * found.covered_days) : null;
  const { judged, useful } = found.useful;
  const overdue = found.by_severity.reduce((sum, one) => sum + one.overdue, 0);
  const tile = (value, words) => h("div", { class: "tile" }, h("strong", {}, value), h("span", {}, words));
  byId("report").replaceChildren(
    h("header", { class: "report-head" }, h("div", {}, h("h2", {}, "Alert burden"), found.cut ? h("p", { class: "quiet" }, `There are more than ${found.alerts} alerts: only so many are counted.`) : null), h("div", { class: "ranges", role: "group", aria: { label: "Days counted" } }, choices)),
    h(
      "div",
      { class: "tiles" },
      tile(String(found.alerts), `alert${found.alerts === 1 ? "" : "s"} for ${many(found.patients, "patient")}`),
      tile(perDay === null ? "–" : perDay.toFixed(2), `alerts a patient-day${found.covered_days < days ? ": the log tells of " + span(found.covered_days * 86400) : ""}`),
      tile(String(overdue), "answered late, or late now"),
      tile(percent(useful, judged), `worth it, of ${judged} judged when resolved`),
    ),
    table("By severity", ["Severity", "Alerts", "A patient-day", "Taken up", "Half within", "Nine in ten within", "Late", "Late now"], found.by_severity.map((one) => [
      way(SEVERITY_WORDS[one.severity], "the open alerts", () => ways.list("open", { severity: one.severity })), String(one.alerts), one.per_patient_day === null ? "–" : one.per_patient_day.toFixed(2), String(one.answered), wait(one.median_s), wait(one.slow_s), String(one.overdue),
      one.overdue_now ? way(String(one.overdue_now), `late now, ${SEVERITY_WORDS[one.severity].toLowerCase()}`, () => ways.list("open", { severity: one.severity, overdue: true })) : "0",
    ])),
    table("Patients with most alerts", ["Patient", "Alerts", "Worth it"], found.top_patients.map((one) => [way(one.patient, "the patient", () => ways.patient(one.patient)), String(one.alerts), percent(one.useful, one.judged)])),
    table("Rules with most alerts", ["Rule", "Alerts", "Worth it"], found.top_rules.map((one) => [way(one.rule, "its alerts", () => ways.list(one.list, { rule: one.rule })), String(one.alerts), percent(one.useful, one.judged)])),
  );
}

function table(title, heads, rows) {
  const body = rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map((text) => h("td", { class: "num" }, text))));
  return h(
    "section",
    { aria: { label: title } },
    h("h3", {}, title),
    h("div", { class: "scroll", tabIndex: 0, role: "region", aria: { label: title } },
      h("table", {}, h("thead", {}, h("tr", {}, heads.map((word, place) => h("th", { scope: "col", class: place ? "num" : "" }, word)))), h("tbody", {}, body))),
  );
}
