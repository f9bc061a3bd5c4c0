// The page: state in one place, news from the stream, keys. `worklist` and `patient` draw.

import * as api from "./api.js";
import { ActDialog } from "./act.js";
import { Door } from "./door.js";
import { choosePassword, showPeople } from "./people.js";
import { showCost, showHandover } from "./reports.js";
import { Bulk } from "./bulk.js";
import { alertsAreIn, byId, h, setText } from "./dom.js";
import { outrun, tellOutrun, tellUnconfirmed, whoHas } from "./faster.js";
import { Filters } from "./filters.js";
import { Heard } from "./heard.js";
import { onKeys } from "./keys.js";
import { drawLink } from "./link.js";
import { drawLists, drawNote } from "./lists.js";
import { Patient } from "./patient.js";
import { showSearch } from "./search.js";
import { listen } from "./stream.js";
import { announce, answered, heardOf, hush, tells } from "./telling.js";
import { Worklist, compare } from "./worklist.js";
import { LISTS, SEVERITIES, fullTime, seconds } from "./words.js";

const KEEP = 500; // alerts kept of one list: as many as the desk answers with
const UNCONFIRMED_MS = 20_000;
const TYPING_MS = 250; // so long after the last key the desk is asked for what a filter wants
const SENDING = { acknowledge: "Acknowledging", resolve: "Resolving", snooze: "Snoozing", assign: "Assigning", new_normal: "Setting a new normal" };

const state = { view: "open", chosen: null, member: null, outcomes: [], place: "worklist", quiet: false, source: null, nowS: null, alerts: new Map(), counters: null, linked: false };
const bulk = new Bulk((ids) => dialog.openTogether(ids));
const list = new Worklist(byId("alerts"), { choose, act, bulk });
const patient = new Patient(byId("detail"), { act, back, open: visit });
const dialog = new ActDialog(sent);

let asking = null;
const filters = new Filters(() => {
  draw();
  clearTimeout(asking);
  asking = setTimeout(load, TYPING_MS);
});
const door = new Door(enter);
const heard = new Heard();

const URGENT = SEVERITIES.indexOf("urgent");
const inView = () => [...state.alerts.values()].filter((one) => one.view === state.view);
const wanted = (one) => filters.matches(one, { nowS: state.nowS, me: state.member?.id });
const shown = () => inView().filter((one) => wanted(one) && (!state.quiet || SEVERITIES.indexOf(one.severity) >= URGENT));

function draw(fresh) {
  const alerts = shown().sort(compare).slice(0, KEEP);
  filters.offer("team", [...state.alerts.values()].map((one) => one.team));
  filters.offer("rule", [...state.alerts.values()].map((one) => one.rule.id));
  list.show(alerts, { nowS: state.nowS, chosen: state.chosen, fresh });
  bulk.show(alerts, list);
  drawNote(state, list.order.length, filters.active);
}

function takeCounters(counters) {
  const before = JSON.stringify(state.counters?.lists);
  state.counters = counters;
  state.nowS = seconds(counters.log_time);
  setText(byId("log-time"), fullTime(state.nowS));
  byId("log-time").dateTime = counters.log_time ?? "";
  if (JSON.stringify(counters.lists) !== before) drawLists(state, setView);
  if (filters.wanted.overdue) draw();
  list.pass(state.nowS);
  patient.pass(state.nowS);
  drawLink(state);
}

/** Ask for the list that is shown. anew: nothing else that is held may be trusted any more. */
async function load(anew = false) {
  const { view } = state;
  const since = heard.wait();
  try {
    const asked = filters.wanted;
    const { alerts, ...counters } = await api.worklist(view, asked);
    if (view !== state.view || asked !== filters.wanted) return; // an answer to what is no longer asked
    const before = new Map(state.alerts);
    const held = anew === true ? [...state.alerts.values()] : inView().filter(wanted);
    for (const one of held) if (!since.told(one)) state.alerts.delete(one.alert_id);
    for (const one of alerts) if (!since.gone(one)) keep(answered(one, before.get(one.alert_id)));
    takeCounters(counters);
    draw();
    await followChosen();
  } catch {
    state.linked = false;
    drawLink(state);
  } finally {
    since.end();
  }
}

/** The chosen alert as it is now: while nobody listened it may have left the list that was asked for. */
async function followChosen() {
  const id = state.chosen;
  if (!id) return;
  if (!state.alerts.has(id)) {
    const found = await api.alert(id).catch((problem) => ({ problem }));
    if (found.problem?.status === 404) closePatient();
    if (found.problem) return;
    keep(found.alert);
    draw();
  }
  if (state.chosen === id) patient.show(state.alerts.get(id), state.nowS);
}

/** The chosen alert is another team's by now. */
function closePatient() {
  const words = `${patient.alert.patient} is no longer a patient of your teams.`;
  state.chosen = null;
  list.choose(null);
  patient.close(words, back);
  setText(byId("say"), words);
}

/** Alerts and patients that went to another team leave every part of the page at once. */
function takeGone({ alerts = [], patients = [] }) {
  if (!alerts.length && !patients.length) return;
  heard.gone(alerts, patients);
  for (const one of [...state.alerts.values()]) if (alerts.includes(one.alert_id) || patients.includes(one.patient)) state.alerts.delete(one.alert_id);
  if (dialog.isOpen && (alerts.includes(dialog.alert?.alert_id) || patients.includes(dialog.alert?.patient))) dialog.stop("This patient is another team's now.");
  if ((state.chosen && alerts.includes(state.chosen)) || patients.includes(patient.alert?.patient)) closePatient();
  draw();
  if (state.place !== "worklist") PLACES[state.place]().catch(() => null);
}

/** Take over what the log says of an alert, unless more is known already. */
function keep(alert) {
  const known = state.alerts.get(alert.alert_id);
  if (known && known.sequence > alert.sequence) return known;
  if (known?.pending && known.sequence === alert.sequence) Object.assign(alert, { pending: known.pending, asked: known.asked });
  state.alerts.set(alert.alert_id, alert);
  return known;
}

function takeAlerts(alerts, beside) {
  const fresh = new Set();
  heard.told(alerts);
  for (const one of beside) if (state.alerts.has(one.alert_id)) state.alerts.set(one.alert_id, { ...state.alerts.get(one.alert_id), ...one });
  for (const alert of alerts) {
    const known = keep(alert);
    if (known?.pending && outrun(alert, known.asked, state.member?.id)) tellOutrun(alert);
    if (dialog.asks(alert.alert_id) && outrun(alert, dialog.type, state.member?.id)) dialog.stop(`${whoHas(alert)}.`);
    const before = heardOf(alert, known);
    if (tells(alert, before)) {
      fresh.add(alert.alert_id);
      announce(alert, before, state.quiet);
    }
  }
  forgetOld();
  draw(fresh);
  if (patient.alone && alerts.some((one) => one.patient === patient.alert.patient)) patient.fetchAbout();
  const chosen = [...alerts, ...beside].find((one) => one.alert_id === state.chosen);
  if (chosen && state.alerts.has(state.chosen)) patient.show(state.alerts.get(state.chosen), state.nowS);
}

function forgetOld() {
  for (const { view } of LISTS) {
    const mine = [...state.alerts.values()].filter((one) => one.view === view);
    if (mine.length > 2 * KEEP) mine.sort(compare).slice(KEEP).forEach((one) => state.alerts.delete(one.alert_id));
  }
}

function setView(view) {
  state.view = view;
  drawLists(state, setView);
  draw();
  load();
}

function choose(id) {
  const alert = state.alerts.get(id);
  if (!alert) return;
  state.chosen = id;
  list.choose(id);
  document.body.classList.add("detailed");
  patient.show(alert, state.nowS);
  byId("detail").scrollTop = 0;
}

function back() {
  document.body.classList.remove("detailed");
  list.focus(state.chosen);
}

function act(id, type) {
  const alert = state.alerts.get(id);
  if (!alert || alert.pending || alert.state === "resolved") return;
  if (type === "acknowledge" && alert.state === "acknowledged") return;
  if (!state.member?.may.act || (type === "snooze" && alert.severity === "emergency") || (type === "new_normal" && alert.category === "technical")) return;
  dialog.open(alert, type, { nowS: state.nowS, outcomes: state.outcomes });
}

/** The action is on the log. Whether it is allowed is said there too, so the page waits for the alert's next event. */
function sent(id, type, seen) {
  setText(byId("say"), "Sent.");
  const { sequence, by } = state.alerts.get(id) ?? {};
  if (sequence > seen && by) {
    // the log was faster than the answer to us
    if (outrun(state.alerts.get(id), type, state.member?.id)) tellOutrun(state.alerts.get(id));
    return;
  }
  mark(id, `${SENDING[type]}: waiting for the log…`, type);
  setTimeout(() => {
    const alert = state.alerts.get(id);
    if (!alert?.pending || alert.sequence !== sequence) return;
    mark(id, null);
    tellUnconfirmed(alert);
  }, UNCONFIRMED_MS);
}

function mark(id, pending, asked = null) {
  const alert = state.alerts.get(id);
  if (!alert) return;
  const marked = { ...alert, pending, asked };
  state.alerts.set(id, marked);
  draw();
  if (state.chosen === id) patient.show(marked, state.nowS);
}

function move(step) {
  const id = list.beside(state.chosen, step);
  if (!id) return;
  if (matchMedia("(min-width: 60rem)").matches || document.body.classList.contains("detailed")) choose(id);
  else {
    state.chosen = id;
    list.choose(id);
  }
  list.focus(id);
}

/** What a key acts on: the alert that is seen, or the first of the list. Beside a patient without an alert it is none. */
const atHand = () => state.chosen ?? (patient.alone ? null : list.order[0]);

const ACTS = { a: "acknowledge", r: "resolve", s: "snooze", g: "assign", n: "new_normal" };
const KEYS = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  ...Object.fromEntries(Object.entries(ACTS).map(([key, type]) => [key, () => act(atHand(), type)])),
  q: () => setQuiet(!state.quiet),
  "/": () => byId("filter-patient").focus(),
  Escape: back,
};

const STREAM = {
  link: () => drawLink(state),
  counters: takeCounters,
  alerts: ({ alerts, gone, beside }) => (takeGone({ alerts: gone }), takeAlerts(alerts, beside)),
  vitals: ({ patients, gone }) => (takeGone({ patients: gone }), patient.news(patients)),
  member: renew,
  reload: () => {
    load(true);
    if (patient.alert) patient.news([patient.alert.patient]);
  },
};

const PLACES = {
  worklist: null,
  search: () => showSearch(visitPatient),
  handover: () => showHandover(visit),
  cost: () => showCost({ patient: visitPatient, list: visitList }),
  people: () => showPeople(),
};

/** Which of the places is shown. */
async function go(place) {
  state.place = place;
  for (const one of Object.keys(PLACES)) byId(`go-${one}`).setAttribute("aria-pressed", String(one === place));
  byId("panes").hidden = place !== "worklist";
  byId("report").hidden = place === "worklist";
  if (place === "worklist") return load();
  byId("report").replaceChildren(h("p", { class: "quiet" }, "One moment…"));
  try {
    await PLACES[place]();
    byId("report").focus();
  } catch (problem) {
    byId("report").replaceChildren(h("p", { class: "problem" }, problem.message));
  }
  return null;
}

/** From elsewhere to an alert. */
async function visit(alert) {
  state.view = alert.view;
  drawLists(state, setView);
  await go("worklist");
  keep(alert);
  choose(alert.alert_id);
}

/** From elsewhere to a patient, of whom there need not be any alert. */
async function visitPatient(id) {
  state.chosen = null;
  await go("worklist");
  list.choose(null);
  document.body.classList.add("detailed");
  patient.showPatient(id, state.nowS);
  byId("detail").focus();
}

/** From elsewhere to a list, narrowed to what is wanted there. */
async function visitList(view, wanted) {
  state.view = view;
  drawLists(state, setView);
  back();
  filters.set(wanted);
  await go("worklist");
  byId("worklist").focus();
}

/** Quiet hours: dark, silent but for emergencies, and what can wait until morning waits. */
function setQuiet(on) {
  state.quiet = on;
  document.documentElement.classList.toggle("quiet-hours", on);
  byId("go-quiet").setAttribute("aria-pressed", String(on));
  patient.repaint();
  draw();
}

/** Who is signed in, and what they may. */
async function meet() {
  const { banner, language, member, outcomes } = await api.about();
  alertsAreIn(language);
  state.member = member;
  state.outcomes = outcomes;
  document.body.classList.toggle("looks-only", !member.may.act);
  setText(byId("me"), `${member.name} · ${member.role}`);
  byId("go-cost").hidden = !member.may.lead;
  byId("go-people").hidden = !member.may.admit;
  byId("banner").hidden = !banner;
  setText(byId("banner"), banner ?? "");
}

/** Somebody is signed in. */
async function enter() {
  await meet();
  door.hide();
  await go("worklist");
  listen(state, STREAM);
}

/** An admin has changed what the member may see or do. */
async function renew() {
  try {
    await meet();
    await go(byId(`go-${state.place}`).hidden ? "worklist" : state.place);
    await load(true);
  } catch {
    state.linked = false; // the stream comes again, and everything is asked anew
    drawLink(state);
  }
}

/** Nothing of who was here stays on the page for who comes next. */
function forget() {
  state.member = null;
  state.source?.close();
  state.alerts.clear();
  state.chosen = null;
  patient.showNothing();
  byId("report").replaceChildren();
  hush();
  draw();
}

async function start() {
  onKeys({ usable: () => state.member && state.place === "worklist", keys: KEYS, list: (number) => LISTS[number - 1] && (() => setView(LISTS[number - 1].view)) });
  globalThis.addEventListener("signed-out", forget);
  for (const place of Object.keys(PLACES)) byId(`go-${place}`).addEventListener("click", () => go(place));
  byId("told-close").addEventListener("click", () => (byId("told").hidden = true));
  byId("me").addEventListener("click", () => choosePassword(state.member));
  byId("go-quiet").addEventListener("click", () => setQuiet(!state.quiet));
  drawLists(state, setView);
  draw();
  try {
    await door.byLink();
    await enter();
  } catch (problem) {
    door.show(problem.message === "Please sign in." ? "" : problem.message);
  }
}

start();
