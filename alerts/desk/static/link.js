// How the page stands to the desk, and the desk to the stream: what may be old is never shown as if it were new.

import { byId, setText } from "./dom.js";

/** linked: the desk answers; counters: what it said last, or null. */
export function drawLink({ linked, counters }) {
  const [name, word, trouble] = !linked
    ? ["lost", "Reconnecting", "The desk does not answer. What you see may be old."]
    : counters && !counters.connected
      ? ["lost", "Stream lost", "The desk cannot reach the stream. What you see may be old, and actions may not be recorded."]
      : counters && !counters.ready
        ? ["waiting", "Catching up", ""]
        : counters?.still
          ? ["lost", "Standing still", "For some minutes nothing has been decided, about some patients or all. Alerts may be missing: tell whoever runs homebeat."]
          : ["live", "Live", ""];
  byId("link").dataset.state = name;
  setText(byId("link-word"), word);
  byId("trouble").hidden = !trouble || !counters;
  setText(byId("trouble"), trouble);
}
