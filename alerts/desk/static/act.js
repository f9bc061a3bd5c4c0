// The dialog in which a member says what they did. Nothing is done by one key alone: an emergency is not acknowledged by a
// slip of the hand.

import * as api from "./api.js";
import { byId, h, setText } from "./dom.js";

const KINDS = {
  acknowledge: {
    title: "Acknowledge", about: "You take it on. The alert waits for you, and the team sees it.", reason: "Note (optional)", needed: false,
    chips: ["I will call the patient", "I have seen it, watching"],
  },
  resolve: {
    title: "Resolve", about: "It is dealt with. If the problem returns within a day, the same alert opens again.", reason: "Reason", needed: true,
    chips: ["Patient called, well", "Treated", "Expected for this patient", "Device or measurement fault"],
  },
};
const SIGNED = "homebeat.signed-as";

export class ActDialog {
  /** sent: called with the alert's id and the kind of action, once it is on the log. */
  constructor(sent) {
    this.sent = sent;
    this.dialog = byId("act");
    this.reason = byId("act-reason");
    this.by = byId("act-by");
    byId("act-form").addEventListener("submit", (event) => this.submit(event));
    byId("act-cancel").addEventListener("click", () => this.dialog.close());
    this.reason.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.submit(event);
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  open(alert, type, member) {
    const kind = KINDS[type];
    Object.assign(this, { alert, type, kind });
    setText(byId("act-title"), `${kind.title}: ${alert.title}`);
    setText(byId("act-about"), `Patient ${alert.patient}. ${kind.about}`);
    setText(byId("act-reason-label"), kind.reason);
    setText(byId("act-send"), kind.title);
    this.reason.value = "";
    this.reason.required = kind.needed;
    this.by.value = member.signed_in ? member.id : (localStorage.getItem(SIGNED) ?? member.id);
    this.by.readOnly = member.signed_in;
    this.problem("");
    byId("act-chips").replaceChildren(...kind.chips.map((words) => this.chip(words)));
    this.dialog.showModal();
    this.reason.focus();
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
    const by = this.by.value.trim();
    if (this.kind.needed && !reason) return this.problem("Please say why: the team that sees it next needs to know.", this.reason);
    if (!/^[\x21-\x7e]{1,128}$/.test(by)) return this.problem("Your signature: letters and digits without spaces.", this.by);
    return this.send({ type: this.type, by, reason: reason || null });
  }

  async send(asked) {
    const button = byId("act-send");
    button.disabled = true;
    try {
      await api.act(this.alert.alert_id, asked);
      localStorage.setItem(SIGNED, asked.by);
      this.dialog.close();
      this.sent(this.alert.alert_id, this.type);
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
