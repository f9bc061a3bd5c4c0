// The dialog in which a member says what they did. Nothing is done by one key alone: an emergency is not acknowledged by a
// slip of the hand.

import * as api from "./api.js";
import { byId, h, setText } from "./dom.js";

const KINDS = {
  acknowledge: {
    title: "Acknowledge", about: "You take it on. The alert waits for you, and the team sees it.", reason: "Note (optional)", needed: false,
    chips: ["I will call the patient", "I have seen it, watching"],
  },
  together: {
    title: "Acknowledge together", about: "You take them all on, for one reason that is kept with each.", reason: "Reason", needed: true,
    chips: ["Seen at the round, can wait", "Known, already in treatment"],
  },
  snooze: {
    title: "Snooze", about: "It rests until then, or until it gets worse. The team sees who did it and why.", reason: "Reason", needed: true,
    chips: ["Waiting for the next reading", "Treatment begun, needs time", "Patient asleep"],
  },
  assign: { title: "Assign", about: "They have it from now on.", reason: "Note (optional)", needed: false, chips: [] },
  resolve: {
    title: "Resolve", about: "It is dealt with. If the problem returns within a day, the same alert opens again.", reason: "Reason", needed: true,
    chips: [],
  },
  new_normal: {
    title: "New normal", about: "This is how the patient is now: it is resolved, and the own band is learned anew from here.", reason: "Reason", needed: true,
    chips: ["New medication", "Recovered after surgery", "Agreed with the doctor"],
  },
};
const SNOOZES = [1, 2, 4, 8, 12, 24];

export class ActDialog {
  /** sent: called with the alert's id and the kind of action, once it is on the log. */
  constructor(sent) {
    this.sent = sent;
    this.dialog = byId("act");
    this.reason = byId("act-reason");
    this.to = byId("act-to");
    this.until = byId("act-until");
    this.until.replaceChildren(...SNOOZES.map((hours) => h("option", { value: String(hours) }, hours === 1 ? "1 hour" : `${hours} hours`)));
    byId("act-form").addEventListener("submit", (event) => this.submit(event));
    byId("act-cancel").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.left());
    this.reason.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.submit(event);
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  /** Whether it is this alert that the dialog is about. */
  asks(id) {
    return this.isOpen && this.alert?.alert_id === id;
  }

  /** There is nothing to send any more: somebody else was faster. */
  stop(words) {
    this.problem(`${words} Nothing needs to be sent.`);
    byId("act-send").disabled = true;
  }

  /** nowS: time of the log, from which a snooze is counted; outcomes: the words in which an alert is resolved. */
  open(alert, type, { nowS, outcomes = [] }) {
    const kind = KINDS[type];
    const chips = type === "resolve" ? outcomes.map((one) => one.words) : kind.chips;
    Object.assign(this, { alert, type, kind, nowS, together: null });
    this.ask(`${kind.title}: ${alert.title}`, `Patient ${alert.patient}. ${kind.about}`, chips);
  }

  /** Several alerts, by their ids. */
  openTogether(together) {
    const kind = KINDS.together;
    Object.assign(this, { alert: null, type: "acknowledge", kind, together });
    this.ask(`${kind.title}: ${together.length} alerts`, kind.about, kind.chips);
  }

  ask(title, about, chips) {
    const { kind, type } = this;
    byId("act-to-row").hidden = type !== "assign";
    byId("act-until-row").hidden = type !== "snooze";
    this.to.value = "";
    setText(byId("act-title"), title);
    setText(byId("act-about"), about);
    setText(byId("act-reason-label"), kind.reason);
    setText(byId("act-send"), kind.title);
    this.reason.value = "";
    this.reason.required = kind.needed;
    this.problem("");
    byId("act-send").disabled = false;
    byId("act-chips").replaceChildren(...chips.map((words) => this.chip(words)));
    this.dialog.showModal();
    (type === "assign" ? this.to : this.reason).focus();
  }

  /** Whom it was about, and what was written, does not stay in the page. */
  left() {
    for (const id of ["act-title", "act-about", "act-problem"]) setText(byId(id), "");
    this.reason.value = "";
  }

  chip(words) {
    const fill = () => {
      this.reason.value = words;
      this.reason.focus();
    };
    return h("button", { type: "button", class: "chip", onclick: fill }, words);
  }

  async submit(event) {
    event.preventDefault();
    const reason = this.reason.value.trim();
    if (this.kind.needed && !reason) return this.problem("Please say why: the team that sees it next needs to know.", this.reason);
    const asked = { type: this.type, reason: reason || null };
    if (this.type === "assign") {
      asked.to = this.to.value.trim();
      if (!/^[\x21-\x7e]{1,128}$/.test(asked.to)) return this.problem("To whom? Their sign-in name, without spaces.", this.to);
    }
    if (this.type === "snooze") asked.until = new Date((this.nowS + Number(this.until.value) * 3600) * 1000).toISOString();
    return this.send(asked);
  }

  async send(asked) {
    const button = byId("act-send");
    if (button.disabled) return; // on its way, or for nothing
    button.disabled = true;
    const seen = new Map(this.alert ? [[this.alert.alert_id, this.alert.sequence]] : []);
    try {
      const ids = this.together ?? [this.alert.alert_id];
      await (this.together ? api.acknowledgeAll(ids, asked.reason) : api.act(ids[0], asked));
      this.dialog.close();
      ids.forEach((id) => this.sent(id, this.type, seen.get(id) ?? Infinity));
    } catch (problem) {
      this.problem(problem.message);
    } finally {
      button.disabled = false;
    }
  }

  problem(text, field) {
    const place = byId("act-problem");
    place.hidden = !text;
    setText(place, text);
    field?.focus();
  }
}
