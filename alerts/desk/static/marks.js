// What has happened about one vital, on the time line of its chart: episodes as bars, what people did as triangles.

import { EVENT_WORDS, SEVERITY_WORDS, many, seconds } from "./words.js";

const BAR = 5; // CSS pixels
const NONE = { episodes: [], actions: [] };

/** The episodes with evidence of this vital, and what people did about them. found: the desk's answer about the patient. */
export function marksOf(found, vital, nowS) {
  if (!found) return NONE;
  const mine = found.alerts.filter((one) => one.evidence.some((evidence) => evidence.vital === vital));
  const ids = new Set(mine.map((one) => one.alert_id));
  const episodes = mine.map((one) => ({
    fromS: seconds(one.onset_at), toS: one.state === "resolved" ? seconds(one.decided_at) : nowS, severity: one.severity, title: one.title,
  }));
  const actions = found.actions
    .filter((one) => ids.has(one.alert_id))
    .map((one) => ({ atS: seconds(one.at), words: `${EVENT_WORDS[one.event] ?? one.event} by ${one.by}` }));
  return { episodes, actions };
}

/** What is marked at a moment, or so near that a pointer cannot tell. */
export function wordsAt({ episodes, actions }, atS, nearS) {
  const said = actions.filter((one) => Math.abs(one.atS - atS) <= nearS).map((one) => one.words);
  const running = episodes.filter((one) => one.fromS <= atS + nearS && atS - nearS <= one.toS);
  return [...running.map((one) => `${SEVERITY_WORDS[one.severity] ?? one.severity}: ${one.title}`), ...said];
}

/** The marks between two moments in a sentence, for those who do not see them. */
export function inWords({ episodes, actions }, sinceS, untilS) {
  const shown = episodes.filter((one) => one.toS >= sinceS && one.fromS <= untilS).length;
  const done = actions.filter((one) => one.atS >= sinceS && one.atS <= untilS).length;
  return shown || done ? ` On the time line: ${many(shown, "episode")}, ${many(done, "action")}.` : "";
}

/** Draw them at the foot of a plot. look: a colour by its name; px: device pixels of a CSS pixel. */
export function drawMarks(u, { episodes, actions }, look, px) {
  const { ctx, bbox } = u;
  const foot = bbox.top + bbox.height;
  const edge = (at) => Math.min(Math.max(u.valToPos(at, "x", true), bbox.left), bbox.left + bbox.width);
  for (const one of [...episodes].reverse()) {
    if (one.toS < u.scales.x.min || one.fromS > u.scales.x.max) continue;
    const left = edge(one.fromS);
    ctx.fillStyle = look(`--${one.severity}`);
    ctx.fillRect(left, foot - BAR * px, Math.max(edge(one.toS) - left, 3 * px), BAR * px);
  }
  ctx.fillStyle = look("--ink");
  ctx.strokeStyle = look("--card");
  ctx.lineWidth = px;
  for (const { atS } of actions) {
    if (atS < u.scales.x.min || atS > u.scales.x.max) continue;
    const x = edge(atS);
    ctx.beginPath();
    ctx.moveTo(x - 5 * px, foot);
    ctx.lineTo(x + 5 * px, foot);
    ctx.lineTo(x, foot - 10 * px);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
}
