// What the stream says while an answer of the desk is on its way: the answer may be older, and must not undo it. An alert
// that has just come is not on it yet, and one that has just gone to another team still is.

export class Heard {
  constructor() {
    this.waiting = new Set();
  }

  /** Begin to wait for an answer, up to `end`. told, gone: whether this alert came, or went, meanwhile. */
  wait() {
    const [told, gone] = [new Set(), new Set()];
    const one = { told, gone };
    this.waiting.add(one);
    return {
      told: (alert) => told.has(alert.alert_id),
      gone: (alert) => gone.has(alert.alert_id) || gone.has(alert.patient),
      end: () => this.waiting.delete(one),
    };
  }

  told(alerts) {
    for (const one of this.waiting) {
      for (const alert of alerts) {
        one.told.add(alert.alert_id);
        one.gone.delete(alert.alert_id);
        one.gone.delete(alert.patient);
      }
    }
  }

  gone(alerts, patients) {
    for (const one of this.waiting) for (const id of [...alerts, ...patients]) one.gone.add(id);
  }
}
