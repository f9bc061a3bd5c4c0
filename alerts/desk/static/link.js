// How the page stands to the desk, and the desk to the stream: what may be old is never shown as if it were new.

import { byId, setText } from "./dom.js";

/** linked: the desk answers; counters: what it said last, or null. */
export function drawLink({ linked, counters }) {
  const [name, word, trouble] = standing(linked, counters ?? { connected: true, keeping: true, ready: true });
  byId("link").dataset.state = name;
  setText(byId("link-word"), word);
  byId("trouble").hidden = !trouble || !counters;
  setText(byId("trouble"), trouble);
}

function standing(linked, { connected, keeping, ready, still }) {
  if (!linked) return ["lost", "Reconnecting", "The desk does not answer. What you see may be old."];
  if (!keeping) return ["lost", "Nothing is kept", "The desk's database takes nothing: alerts that come now may not be shown, and nothing can be done here. Tell whoever runs homebeat."];
  if (!connected) return ["lost", "Stream lost", "The desk cannot reach the stream. What you see may be old, and actions may not be recorded."];
  if (!ready) return ["waiting", "Catching up", ""];
  if (still) return ["lost", "Standing still", "For some minutes nothing has been decided, about some patients or all. Alerts may be missing: tell whoever runs homebeat."];
  return ["live", "Live", ""];
}
