// The chosen alert: what was found, the patient's charts, the evidence, and what has happened since.

import * as api from "./api.js";
import { VitalChart } from "./chart.js";
import { gauge } from "./icons.js";
import { h, setText, told } from "./dom.js";
import { incidentSection, incidentWords } from "./incident.js";
import { marksOf } from "./marks.js";
import { statesSection } from "./standing.js";
import { actions, dueText, severityTag, stateTag, whenText } from "./worklist.js";
import { EVENT_WORDS, STATE_WORDS, band, digits, enough, fullTime, measured, number, seconds, span, time, vitalWord, withTimes } from "./words.js";

const DAY_S = 86400;
const RANGES = [
  { word: "24 h", days: 1 },
  { word: "7 days", days: 7 },
  { word: "30 days", days: 30 },
  { word: "90 days", days: 90 },
];
const REFRESH_MS = 1500;
const POINTS = 1000; // of a large chart: a week of quarter hours is shown whole

export class Patient {
  /** root: the pane. on: {act, back, open}; open: called with an alert. */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.alert = null;
    this.days = null;
    this.charts = new Map();
    this.asked = {};
    this.answered = {};
    this.showNothing();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
  }

  /** Draw the charts in the colours of now: what is drawn does not follow the page's by itself. */
  repaint() {
    this.charts.forEach((one) => one.redraw());
  }

  showNothing() {
    this.clear();
    this.alert = null;
    this.root.replaceChildren(
      h("div", { class: "nothing" }, h("p", {}, "Choose an alert to see the patient against their own normal, or look a patient up under Patients.")),
    );
  }

  /** Close the page of somebody who may no longer be seen, and say so where it stood. */
  close(words, back) {
    const focused = this.root.contains(document.activeElement);
    this.showNothing();
    this.root.replaceChildren(
      h("button", { type: "button", class: "back plain", onclick: back }, "‹ Worklist"),
      h("div", { class: "nothing closed" }, h("p", {}, h("strong", {}, words), " This page is closed.")),
    );
    if (focused) this.root.focus();
  }

  /** Whether a patient is shown without an alert. */
  get alone() {
    return this.alert?.alert_id === null;
  }

  /** Show a patient as they are now: readings against the own band, whether or not anything was ever told of them. */
  showPatient(id, nowS) {
    return this.show({ alert_id: null, patient: id, evidence: [], state: "open", retrospective: false }, nowS);
  }

  /** Show an alert; its charts and history are fetched. */
  async show(alert, nowS) {
    const other = this.alert?.alert_id !== alert.alert_id || this.alert.patient !== alert.patient;
    const news = other || this.alert.sequence !== alert.sequence;
    this.alert = alert;
    this.nowS = nowS;
    if (other) {
      this.clear();
      this.days = null;
    }
    this.build(other);
    this.pass(nowS);
    await Promise.all([this.fetchHistory(), this.fetchStates(), this.fetchAbout(), news ? this.fetchCharts() : null]);
  }

  /** Ask for something; then tells whether its answer is to be shown: answers may come in another order than they were
   * asked for, and an older one must not stay. */
  asks(kind) {
    const mine = (this.asked[kind] = (this.asked[kind] ?? 0) + 1);
    return () => {
      const newest = mine >= (this.answered[kind] ?? 0);
      if (newest) this.answered[kind] = mine;
      return newest;
    };
  }

  /** Time goes on. */
  pass(nowS) {
    this.nowS = nowS;
    if (!this.alert || this.alone) return;
    setText(this.when, whenText(this.alert, nowS));
    const due = dueText(this.alert, nowS);
    setText(this.due, due.text);
    this.due.classList.toggle("late", due.late);
  }

  /** New windows of these patients are there. */
  news(patients) {
    if (!this.alert || !patients.includes(this.alert.patient) || this.waiting) return;
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.fetchStates();
      this.fetchCharts();
    }, REFRESH_MS);
  }

  clear() {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.found = null;
    this.withdrawn = null;
    this.charts.forEach((one) => one.unmount());
    this.charts.clear();
  }

  build(other) {
    const { alert } = this;
    this.when = h("span", { class: "when" });
    this.due = h("span", { class: "due" });
    if (other) {
      this.top = h("header", { class: "detail-head" });
      this.ranges = h("div", { class: "ranges", role: "group", aria: { label: "Time shown" } });
      this.mainCharts = h("div", { class: "charts" });
      this.otherCharts = h("div", { class: "charts small" });
      this.evidence = h("div", {});
      this.incident = h("div", {});
      this.states = h("div", {});
      this.about = h("div", {});
      this.history = h("ol", { class: "history" });
      const history = h("section", { aria: { label: "History" } }, h("h2", {}, "What happened"), this.history);
      this.root.replaceChildren(this.top, this.incident, this.states, this.chartSection(), ...(this.alone ? [] : [this.evidence, history]), this.about);
    }
    this.top.replaceChildren(...(this.alone ? headOfPatient(alert, this.on) : headOf(alert, this.when, this.due, this.on)));
    this.evidence.replaceChildren(evidenceTable(alert, this.nowS));
  }

  chartSection() {
    return h(
      "section",
      { aria: { label: "Charts" } },
      h("div", { class: "section-head" }, h("h2", {}, "Against the patient's own normal"), this.ranges),
      legend(),
      this.mainCharts,
      this.otherCharts,
    );
  }

  async fetchHistory() {
    const { alert_id: id } = this.alert;
    if (id === null) return;
    const newest = this.asks("history");
    const { events, incident } = await api.alert(id).catch(() => ({ events: null }));
    if (!events || this.alert?.alert_id !== id || !newest()) return;
    this.incident.replaceChildren(incidentSection(incident, this.on.open));
    this.history.replaceChildren(...events.toReversed().map((one) => step(one, this.nowS)));
  }

  /** Who the patient is, and what else has happened to them. */
  async fetchAbout() {
    const { patient } = this.alert;
    const newest = this.asks("about");
    const found = await api.patient(patient).catch(() => null);
    if (!found || this.alert?.patient !== patient || !newest()) return;
    this.found = found;
    this.about.replaceChildren(...aboutPatient(found, this.nowS, this.on.open));
    if (this.alone) this.top.replaceChildren(...headOfPatient({ ...this.alert, team: found.care_team }, this.on));
    this.charts.forEach((chart, vital) => chart.mark(marksOf(found, vital, this.nowS)));
  }

  /** How each vital stands now, and how old its last value is. */
  async fetchStates() {
    const { patient } = this.alert;
    const newest = this.asks("states");
    const found = await api.states(patient).catch(() => null);
    if (this.alert?.patient !== patient || !newest()) return;
    this.states.replaceChildren(statesSection(found, this.alert.evidence));
    const withdrawn = found && JSON.stringify(found.withdrawn);
    if (this.withdrawn && withdrawn && withdrawn !== this.withdrawn) this.fetchAbout();
    this.withdrawn = withdrawn ?? this.withdrawn;
  }

  /** The time that is shown: up to now while the alert stands, else around it. */
  view(days) {
    const { alert, nowS } = this;
    const lengthS = days * DAY_S;
    const eventS = seconds(alert.event_at);
    const past = alert.state === "resolved" || alert.retrospective;
    const untilS = past ? Math.min(nowS ?? eventS, eventS + 0.25 * lengthS) : (nowS ?? eventS);
    return { sinceS: untilS - lengthS, untilS, onsetS: seconds(alert.onset_at), nowS, evidence: alert.evidence }; // seconds(undefined) is null: nothing has begun
  }

  async fetchCharts() {
    const { alert } = this;
    const newest = this.asks("charts");
    const mine = [...new Set(alert.evidence.map((one) => one.vital))];
    try {
      const usual = this.days ?? (await this.usualRange(mine[0]));
      if (this.alert?.alert_id !== alert.alert_id) return;
      this.days ??= usual; // unless somebody has chosen meanwhile
      const view = this.view(this.days);
      const [others, ...own] = await Promise.all([
        api.vitals(alert.patient, { ...view, without: mine }),
        ...mine.map((vital) => api.vitals(alert.patient, { ...view, vital, points: POINTS })),
      ]);
      if (this.alert?.alert_id !== alert.alert_id || !newest()) return;
      this.showRanges();
      const rest = others.vitals.filter((one) => one.windows.length);
      const closed = (vital) => others.withdrawn.some((one) => one.vital === null || one.vital === vital);
      const first = own.flatMap((one) => one.vitals).filter((one) => !closed(one.vital));
      this.drop(new Set([...first, ...rest].map((one) => one.vital)));
      this.draw(first.length ? first : rest, this.mainCharts, view, 240);
      if (first.length) this.draw(rest, this.otherCharts, view, 150);
    } catch (problem) {
      if (!this.charts.size) this.mainCharts.replaceChildren(h("p", { class: "problem" }, `No charts: ${problem.message}`));
    }
  }

  /** A week; where readings are days apart, three months; where an alert is young and readings are dense, a day. */
  async usualRange(vital) {
    if (!vital) return 7;
    const { sinceS, untilS } = this.view(90);
    const { first, windows } = await api.reach(this.alert.patient, { vital, sinceS, untilS });
    const reachS = first ? untilS - seconds(first) : 0;
    const perDay = windows / Math.max(reachS / DAY_S, 1);
    return perDay < 4 ? (reachS > 30 * DAY_S ? 90 : 30) : reachS < 1.5 * DAY_S ? 1 : 7;
  }

  showRanges() {
    const buttons = RANGES.map(({ word, days }) =>
      h("button", { type: "button", class: "range", aria: { pressed: String(days === this.days) }, onclick: () => this.setRange(days) }, word),
    );
    const focused = [...this.ranges.children].indexOf(document.activeElement);
    this.ranges.replaceChildren(...buttons);
    buttons[focused]?.focus();
  }

  setRange(days) {
    this.days = days;
    this.showRanges();
    this.fetchCharts();
  }

  /** Charts of vitals that are no longer told of, as when consent was withdrawn, do not stay on an open page. */
  drop(kept) {
    for (const [vital, chart] of this.charts) {
      if (kept.has(vital)) continue;
      chart.unmount();
      chart.root.remove();
      this.charts.delete(vital);
    }
  }

  draw(charts, into, view, height) {
    for (const chart of charts) {
      const known = this.charts.get(chart.vital);
      if (known) known.update(chart, view);
      else {
        const made = new VitalChart(chart, view, height);
        this.charts.set(chart.vital, made);
        into.append(made.root);
        made.mount();
        made.mark(marksOf(this.found, chart.vital, this.nowS));
      }
    }
    if (!this.charts.size && into === this.mainCharts) into.replaceChildren(h("p", { class: "quiet" }, "No readings to draw."));
  }
}

function headOf(alert, when, due, on) {
  return [
    h("button", { type: "button", class: "back plain", onclick: on.back }, "‹ Worklist"),
    h("div", { class: "top" }, severityTag(alert.severity), stateTag(alert), due),
    h("h2", { class: "detail-title", ...told() }, alert.title),
    h("p", { class: "who" }, h("span", { class: "patient" }, alert.patient), ` · ${alert.team ?? "no care team"} · `, when),
    h("p", { class: "explanation", ...told() }, alert.explanation),
    incidentWords(alert),
    alert.state === "resolved" && alert.reason ? h("p", { class: "quiet" }, "Resolved: ", h("span", told(), alert.reason)) : null,
    actions(alert, on.act),
  ].filter(Boolean);
}

function headOfPatient({ patient, team }, on) {
  return [
    h("button", { type: "button", class: "back plain", onclick: on.back }, "‹ Worklist"),
    h("h2", { class: "detail-title" }, `Patient ${patient}`),
    h("p", { class: "who" }, team === undefined ? "" : (team ?? "no care team")),
  ];
}

function aboutPatient({ about, alerts, actions: taken }, nowS, open) {
  const line = (alert) =>
    h("li", {}, h("time", { datetime: alert.onset_at }, time(seconds(alert.onset_at), nowS)), h("span", {}, h("button", { type: "button", class: "way", onclick: () => open(alert), ...told() }, alert.title), ` · ${(STATE_WORDS[alert.state] ?? alert.state).toLowerCase()}`, ...done(alert, taken)));
  return [
    about === null ? h("p", { class: "quiet" }, "No profile is known of this patient.") : profileOf(about),
    h("section", { aria: { label: "Episodes" } }, h("h2", {}, "Episodes of the last 90 days"), alerts.length ? h("ol", { class: "history" }, alerts.map(line)) : h("p", { class: "quiet" }, "None: nothing was told of this patient.")),
  ];
}

const done = (alert, taken) =>
  taken.filter((one) => one.alert_id === alert.alert_id).map((one) => h("span", { class: "said" }, `${EVENT_WORDS[one.event] ?? one.event} by ${one.by}`, one.reason ? ": " : null, one.reason ? h("span", told(), one.reason) : null));

function profileOf({ lines, phases, modifiers, watched, problem }) {
  return h(
    "section",
    { aria: { label: "About the patient" } },
    h("h2", {}, "About the patient"),
    problem ? h("p", { class: "problem" }, problem) : null,
    phases.map((one) => h("p", { class: "phase" }, h("strong", told(), one.label), one.expected)),
    h("dl", { class: "about-lines" }, lines.flatMap(([what, words]) => [h("dt", {}, what), h("dd", {}, words)]),
      modifiers.length ? [h("dt", {}, "Moves the normal"), modifiers.map((one) => h("dd", {}, h("span", told(), one.label), ` (${one.vitals.map(inSentence).join(", ")})`))] : [],
      watched.length ? [h("dt", {}, "Watched closely"), watched.map((one) => h("dd", { class: "watch" }, h("strong", {}, one.why), `: ${one.limits.map(limitWords).join(", ")}, ${one.long}`))] : []),
  );
}

/** A vital's name within a sentence; abbreviations stay as they are. */
function inSentence(vital) {
  const word = vitalWord(vital);
  return /^[A-Z]{2}/.test(word) ? word : word.toLowerCase();
}

const limitWords = ({ vital, limit, severity }) => `${inSentence(vital)} ${limit} (${severity})`;

function legend() {
  const key = (kind, word) => h("li", {}, h("span", { class: `key ${kind}`, aria: { hidden: "true" } }), word);
  return h(
    "ul",
    { class: "legend", aria: { label: "Key" } },
    key("line", "mean of a window"),
    key("own", "own band"),
    key("dash", "expected"),
    key("diamond", "outside own band"),
    key("hatched", "not known"),
    key("ring", "in the alert"),
    key("episode", "episode"),
    key("action", "what was done"),
  );
}

function evidenceTable(alert, nowS) {
  if (!alert.evidence.length) return h("section", {});
  const cells = (one) => [
    h("th", { scope: "row" }, vitalWord(one.vital)),
    h("td", { class: "num" }, measured(one.vital, one.value, one.unit, enough(one))),
    h("td", {}, time(seconds(one.at), nowS)),
    h("td", {}, h("span", { class: "with-gauge" }, band(one) ?? "none yet", gauge(one))),
    h("td", { class: "num" }, number(one.expected, digits(one))),
    h("td", { class: "num" }, one.score === null ? "–" : `${number(Math.abs(one.score))} SD`),
    h("td", { class: "words" }, sureness(one)),
    h("td", { ...told(), class: "words" }, one.modifiers.length ? one.modifiers.join(", ") : "–"),
    h("td", { class: "num" }, one.quality === null ? "–" : `${Math.round(one.quality * 100)} %`),
  ];
  const heads = ["Vital", "Measured", "At", "Own band", "Expected", "Away", "Band learned from", "Taken into account", "Signal"];
  return h(
    "section",
    { aria: { label: "Evidence" } },
    h("h2", {}, "Evidence"),
    h(
      "div",
      { class: "scroll", tabIndex: 0, role: "region", aria: { label: "Evidence table" } },
      h("table", {}, h("thead", {}, h("tr", {}, heads.map((word) => h("th", { scope: "col" }, word)))), h("tbody", {}, alert.evidence.map((one) => h("tr", {}, cells(one))))),
    ),
    h("p", { class: "quiet" }, `${alert.population_rule_would_fire ? "A limit for everyone would have fired too." : "No limit for everyone is broken."} Rule ${alert.rule.id}, version ${alert.rule.version}, source ${alert.rule.source}.`),
  );
}

function sureness({ baseline_days: days, own_weight: weight }) {
  if (days === null || weight === null) return "–";
  return `${Math.round(days)} days, ${Math.round(weight * 100)} % own`;
}

function step(event, nowS) {
  const who = event.by ? ` by ${event.by}` : "";
  const state = ["updated", "assigned"].includes(event.event) ? ` (${(STATE_WORDS[event.state] ?? event.state).toLowerCase()})` : "";
  return h(
    "li",
    {},
    h("time", { datetime: event.decided_at, title: fullTime(seconds(event.decided_at)) }, time(seconds(event.decided_at), nowS)),
    h("span", {}, h("strong", {}, EVENT_WORDS[event.event] ?? event.event), `${who}${state}`, event.reason ? h("span", { class: "said", ...told() }, withTimes(event.reason)) : null, messageOf(event)),
  );
}

/** Whether anybody was told of a step by a message, and why not; of what people did only if somebody was. */
function messageOf({ by, notify, policy }) {
  const reason = (stage) => withTimes(policy.find((one) => one.stage === stage)?.reason);
  const line = (word, text) => h("span", { class: "said quiet" }, word, text ? h("span", told(), text) : null);
  if (notify) return reason("route") ? line("Message to ", reason("route")) : line("Message to those who were asked");
  return by || !reason("notify") ? null : line("No message: ", reason("notify"));
}
