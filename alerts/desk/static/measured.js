// What an alert is about, on the chart: a reading alarms at once, and its window is told of when it is over. Until then the
// newest window may be a calm one, or there is none.

import { seconds, measured as inWords, time } from "./words.js";

/** Of the evidence of an alert what was measured of one vital within a time: [{atS, value}], oldest first. */
export function measuredOf(evidence = [], vital, { sinceS, untilS }) {
  const mine = evidence.filter((one) => one.vital === vital && Number.isFinite(one.value));
  const found = mine.map((one) => ({ atS: seconds(one.at), value: one.value }));
  return found.filter(({ atS }) => atS >= sinceS && atS <= untilS).sort((one, other) => one.atS - other.atS);
}

/** The newest of it that no window tells of yet, in words; null if there is none. last: the newest window, or undefined. */
export function unseen(measured, last, { vital, unit, nowS }) {
  const newest = measured.findLast(({ atS }) => !last || atS > last.endS);
  return newest ? `In the alert: ${inWords(vital, newest.value, unit)} at ${time(newest.atS, nowS)}` : null;
}

/** A ring around each. scale: pixels of the canvas for one of the page. */
export function drawMeasured(u, measured, colour, scale) {
  const { ctx } = u;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * scale;
  for (const { atS, value } of measured) {
    ctx.beginPath();
    ctx.arc(u.valToPos(atS, "x", true), u.valToPos(value, "y", true), 6 * scale, 0, 2 * Math.PI);
    ctx.stroke();
  }
}
