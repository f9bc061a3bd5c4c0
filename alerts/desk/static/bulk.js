// Several advisories, acknowledged together for one reason. What is urgent is looked at by itself and cannot be chosen.

import { byId, setText } from "./dom.js";

const SEVERITIES = ["advisory", "info"];
const MAX = 100; // as many as the desk takes at once

export class Bulk {
  /** acknowledge: called with the ids that were chosen. */
  constructor(acknowledge) {
    this.picked = new Set();
    this.able = [];
    byId("bulk-all").addEventListener("click", () => this.all());
    byId("bulk-send").addEventListener("click", () => acknowledge([...this.picked]));
  }

  /** Whether an alert can be chosen. */
  takes(alert) {
    const looks = document.body.classList.contains("looks-only");
    return !looks && alert.view === "open" && !alert.pending && SEVERITIES.includes(alert.severity);
  }

  has(id) {
    return this.picked.has(id);
  }

  /** What is shown now: nothing that is not seen stays chosen. list: the worklist, whose boxes follow. */
  show(alerts, list) {
    this.list = list;
    this.able = alerts.filter((one) => this.takes(one)).map((one) => one.alert_id);
    const able = new Set(this.able);
    for (const id of this.picked) if (!able.has(id)) this.picked.delete(id);
    this.draw();
  }

  set(id, on) {
    if (on && this.picked.size < MAX) this.picked.add(id);
    else this.picked.delete(id);
    this.draw();
  }

  all() {
    const none = this.picked.size > 0;
    this.picked = new Set(none ? [] : this.able.slice(0, MAX));
    this.draw();
  }

  draw() {
    const count = this.picked.size;
    if (!count && document.activeElement === byId("bulk-send")) byId("worklist").focus(); // it goes away under the hand
    byId("bulk").hidden = !this.able.length;
    byId("bulk-send").hidden = !count;
    setText(byId("bulk-all"), count ? "Choose none" : `Choose the ${Math.min(this.able.length, MAX)} below urgent`);
    setText(byId("bulk-send"), `Acknowledge ${count} together`);
    setText(byId("bulk-count"), count === MAX ? `${MAX} at once at most` : "");
    this.list?.tick(this.picked);
  }
}
