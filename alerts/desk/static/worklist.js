// The list: one element an alert, kept while the alert is on the list, so that focus and place survive news.

import { gauge, severityIcon } from "./icons.js";
import { h, setText, told } from "./dom.js";
import { incidentWords } from "./incident.js";
import { SEVERITIES, SEVERITY_WORDS, STATE_WORDS, band, enough, levelWord, number, seconds, span, time, unitWord, vitalWord } from "./words.js";

const rank = (one) => SEVERITIES.indexOf(one.severity);
const done = (one) => one.view === "resolved";

/** The order of the desk's API: most severe first, then who waits longest; what is done, the newest first. */
export function compare(one, other) {
  if (!done(one) && rank(one) !== rank(other)) return rank(other) - rank(one);
  const waiting = (alert) => (done(alert) ? null : seconds(alert.waiting_since));
  const [a, b] = [waiting(one), waiting(other)];
  if (a !== null && b !== null && a !== b) return a - b;
  const newest = seconds(other.decided_at) - seconds(one.decided_at);
  return newest || (one.alert_id < other.alert_id ? -1 : 1);
}

export class Worklist {
  /** list: the <ul>. on: {choose, act} called with an alert's id, and the kind of action; bulk: what is chosen. */
  constructor(list, on) {
    this.list = list;
    this.on = on;
    this.items = new Map();
    this.order = [];
  }

  /** Show these alerts, in their order, at the time of the log. fresh: ids to be pointed out. */
  show(alerts, { nowS, chosen, fresh = new Set() }) {
    const sorted = [...alerts].sort(compare);
    this.order = sorted.map((one) => one.alert_id);
    const kept = new Set(this.order);
    for (const [id, item] of this.items) if (!kept.has(id)) this.drop(id, item);
    sorted.forEach((alert, place) => this.place(alert, place, nowS, fresh.has(alert.alert_id)));
    this.choose(chosen);
    this.pass(nowS);
  }

  /** Time goes on: ages and deadlines, nothing else. */
  pass(nowS) {
    for (const item of this.items.values()) {
      setText(item.when, whenText(item.alert, nowS));
      const due = dueText(item.alert, nowS);
      setText(item.due, due.text);
      item.due.classList.toggle("late", due.late);
      item.root.classList.toggle("late", due.late);
    }
  }

  choose(id) {
    for (const [key, item] of this.items) {
      const mine = key === id;
      item.root.classList.toggle("chosen", mine);
      if (mine) item.open.setAttribute("aria-current", "true");
      else item.open.removeAttribute("aria-current");
      item.open.tabIndex = mine || (!this.items.has(id) && key === this.order[0]) ? 0 : -1;
    }
  }

  focus(id) {
    const item = this.items.get(id);
    if (!item) return;
    item.open.focus({ preventScroll: true });
    item.root.scrollIntoView({ block: "nearest" });
  }

  /** The id `step` places below the given one, within the list. */
  beside(id, step) {
    const place = this.order.indexOf(id);
    if (place < 0) return this.order[0];
    return this.order[Math.min(Math.max(place + step, 0), this.order.length - 1)];
  }

  /** Boxes follow what is chosen. */
  tick(picked) {
    for (const [id, { pick }] of this.items) if (pick) pick.checked = picked.has(id);
  }

  drop(id, item) {
    item.root.remove();
    this.items.delete(id);
  }

  place(alert, place, nowS, isFresh) {
    let item = this.items.get(alert.alert_id);
    if (!item || item.alert.sequence !== alert.sequence || item.alert.team !== alert.team || item.pending !== alert.pending || item.words !== alert.incident_words) {
      const focused = item?.root.contains(document.activeElement) ? document.activeElement.dataset.role : null;
      const made = this.made(alert);
      item?.root.replaceWith(made.root);
      item = made;
      this.items.set(alert.alert_id, item);
      if (focused) (item.root.querySelector(`[data-role="${focused}"]`) ?? item.open).focus({ preventScroll: true });
    }
    if (isFresh) item.root.classList.add("fresh");
    if (this.list.children[place] !== item.root) this.list.insertBefore(item.root, this.list.children[place] ?? null);
  }

  made(alert) {
    const id = alert.alert_id;
    const open = h("button", { class: "title", type: "button", data: { role: "open" }, onclick: () => this.on.choose(id), ...told() }, alert.title);
    const when = h("span", { class: "when" });
    const due = h("span", { class: "due" });
    const pick = this.on.bulk.takes(alert) ? pickBox(alert, this.on.bulk) : null;
    const root = h(
      "li",
      { class: `alert ${alert.severity}`, onclick: (event) => event.target.closest("button, input") ?? this.on.choose(id) },
      h("div", { class: "top" }, pick, severityTag(alert.severity), stateTag(alert), due),
      open,
      h("p", { class: "who" }, h("span", { class: "patient" }, alert.patient), ` · ${alert.team ?? "no care team"}`, alert.owner ? h("span", { class: "owner" }, ` · with ${alert.owner}`) : null),
      reading(alert),
      h("p", { class: "why", ...told() }, alert.explanation),
      incidentWords(alert),
      h("p", { class: "foot" }, when),
      actions(alert, this.on.act, true),
    );
    return { root, open, pick, when, due, alert, pending: alert.pending, words: alert.incident_words };
  }
}

function pickBox(alert, bulk) {
  const label = `Choose: ${alert.title}, patient ${alert.patient}`;
  const box = h("input", { type: "checkbox", class: "pick", data: { role: "pick" }, aria: { label }, onchange: () => bulk.set(alert.alert_id, box.checked) });
  box.checked = bulk.has(alert.alert_id);
  return box;
}

export const severityTag = (severity) =>
  h("span", { class: `severity ${severity}` }, severityIcon(severity), SEVERITY_WORDS[severity] ?? severity);

/** The state, where it is not plain from the list that the alert is on. */
export function stateTag(alert) {
  const words = [];
  if (alert.retrospective) words.push("About the past");
  if (alert.state !== "open") words.push(STATE_WORDS[alert.state] + (alert.by ? ` by ${alert.by}` : ""));
  if (alert.category === "technical") words.push("Technical");
  return words.length ? h("span", { class: "state" }, words.join(" · ")) : null;
}

/** What was measured, against what is normal for this patient. */
export function reading(alert) {
  const first = alert.evidence[0];
  if (!first || first.value === null) return null;
  const own = band(first);
  const level = levelWord(first.vital, first.value);
  const word = vitalWord(first.vital).toLowerCase();
  const unsaid = alert.title.toLowerCase().includes(word) ? "" : ` ${word}`;
  return h(
    "p",
    { class: "reading" },
    h("span", { class: "value" }, level ?? number(first.value, enough(first))),
    h("span", { class: "unit" }, unitWord(first.unit) + unsaid),
    gauge(first),
    h("span", { class: "quiet" }, own ? `own band ${own}` : level ? "" : "no own band yet"),
  );
}

/** The buttons of an alert; none when it is resolved, a word while an action is on its way. few: in the list. */
export function actions(alert, act, few = false) {
  if (alert.state === "resolved" || document.body.classList.contains("looks-only")) return null;
  if (alert.pending) return h("p", { class: "pending", role: "status" }, alert.pending);
  const button = (type, word, key, look) =>
    h(
      "button",
      {
        type: "button", class: look, data: { role: type }, tabIndex: 0,
        aria: { label: `${word}: ${alert.title}, patient ${alert.patient}`, keyshortcuts: key },
        onclick: () => act(alert.alert_id, type),
      },
      word,
    );
  const answered = alert.state === "acknowledged";
  return h(
    "div",
    { class: few ? "acts few" : "acts" },
    answered ? null : button("acknowledge", "Acknowledge", "a", few ? "soft" : "strong"),
    button("resolve", "Resolve", "r", "plain"),
    few || alert.severity === "emergency" ? null : button("snooze", "Snooze", "s", "plain"),
    few ? null : button("assign", "Assign", "g", "plain"),
    few || alert.category === "technical" ? null : button("new_normal", "New normal", "n", "plain"),
  );
}

export function whenText(alert, nowS) {
  const onsetS = seconds(alert.onset_at);
  const age = nowS === null ? "" : ` · ${span(nowS - onsetS)} ${nowS < onsetS ? "ahead of log time" : "ago"}`;
  return `Since ${time(onsetS, nowS)}${age}${deferredText(alert, nowS)}`;
}

/** A message that waits for its turn: until then the alert is here, and nobody was told of it. */
function deferredText(alert, nowS) {
  return alert.state === "open" && alert.until ? ` · No message before ${time(seconds(alert.until), nowS)}` : "";
}

/** How long there is to answer, or how late it is. */
export function dueText(alert, nowS) {
  const dueS = seconds(alert.due_at);
  if (dueS === null || nowS === null) return { text: "", late: false };
  if (nowS > dueS) return { text: `Overdue by ${span(nowS - dueS)}`, late: true };
  return { text: `Answer within ${span(dueS - nowS)}`, late: false };
}
