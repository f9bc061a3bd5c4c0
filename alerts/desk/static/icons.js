// Shapes for severities: told apart without colour. The word always stands beside them.

import { s } from "./dom.js";

const SHAPES = {
  emergency: () => [
    s("path", { class: "fill", d: "M8 1.5h8L22.5 8v8L16 22.5H8L1.5 16V8z" }),
    s("path", { class: "mark", d: "M12 6.5v7M12 17.2v.3" }),
  ],
  urgent: () => [
    s("path", { class: "fill", d: "M12 2 23 21.5H1z" }),
    s("path", { class: "mark", d: "M12 9v6M12 18.2v.3" }),
  ],
  advisory: () => [s("path", { class: "fill", d: "M12 1.5 22.5 12 12 22.5 1.5 12z" }), s("path", { class: "mark", d: "M12 8.4v4.6M12 16v.3" })],
  info: () => [s("circle", { class: "ring", cx: 12, cy: 12, r: 9.2 }), s("path", { class: "ink", d: "M12 11v5.5M12 7.6v.3" })],
};

/** The shape of a severity, hidden from screen readers: the word is read. */
export function severityIcon(severity) {
  const shape = SHAPES[severity] ?? SHAPES.info;
  return s("svg", { viewBox: "0 0 24 24", class: "shape", "aria-hidden": "true" }, ...shape());
}

/** Where a value lies against the patient's own band, as a small bar; null without a band or a value. */
export function gauge({ value, low, high }) {
  if (![value, low, high].every((one) => typeof one === "number" && Number.isFinite(one)) || high <= low) return null;
  const margin = Math.max(high - low, Math.abs(value - (low + high) / 2)) * 0.35;
  const from = Math.min(low, value) - margin;
  const to = Math.max(high, value) + margin;
  const x = (one) => (((one - from) / (to - from)) * 88).toFixed(1);
  const outside = value < low || value > high;
  return s(
    "svg",
    { viewBox: "0 0 88 14", class: `gauge${outside ? " outside" : ""}`, "aria-hidden": "true" },
    s("rect", { class: "rail", x: 0, y: 6, width: 88, height: 2, rx: 1 }),
    s("rect", { class: "own", x: x(low), y: 3, width: (x(high) - x(low)).toFixed(1), height: 8, rx: 3 }),
    outside
      ? s("path", { class: "at", d: `M${x(value)} 1.5l5 5.5l-5 5.5l-5-5.5z` })
      : s("circle", { class: "at", cx: x(value), cy: 7, r: 4 }),
  );
}
