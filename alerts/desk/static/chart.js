// One vital against the patient's own band. uPlot draws axes, the line and the cursor; what is not known is hatched, never
// left looking normal: windows without a verdict, gaps between windows, and the time after the last one.

import { h, setText } from "./dom.js";
import { drawMarks, inWords, marksOf, wordsAt } from "./marks.js";
import { drawMeasured, measuredOf, unseen } from "./measured.js";
import { band, clockTime, dateOnly, digits, measured, number, seconds, time, unitWord, vitalWord } from "./words.js";

const uPlot = globalThis.uPlot;
const look = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const DAY_S = 86400;

/** Windows as columns, a null between two that are apart. */
export function columns(chart) {
  const x = [], known = [], unknown = [], windows = [];
  let before = null;
  for (const one of chart.windows) {
    const startS = seconds(one.start);
    const middle = startS + one.period_s / 2;
    if (before !== null && chart.gap_s !== null && startS - before.startS > chart.gap_s) {
      x.push((before.middle + middle) / 2);
      known.push(null);
      unknown.push(null);
      windows.push(null);
    }
    const judged = one.state === "normal" || one.state === "deviating";
    x.push(middle);
    known.push(judged ? one.mean : null);
    unknown.push(judged ? null : one.mean);
    windows.push({ ...one, startS, endS: startS + one.period_s, middle });
    before = { startS, middle };
  }
  return { data: [x, known, unknown], windows };
}

/** The stretches of [fromS, toS] about which nothing is known. */
export function unknownSpans(windows, gapS, fromS, toS) {
  const spans = [];
  const add = (start, end) => {
    const last = spans.at(-1);
    if (last && start <= last[1] + 1) last[1] = Math.max(last[1], end);
    else if (end > start) spans.push([start, end]);
  };
  let knownUntil = fromS;
  let silent = false; // a window without readings: nothing is known until the next one
  for (const one of windows) {
    if (one === null) continue;
    if (silent || one.startS - knownUntil > (gapS ?? Infinity)) add(knownUntil, one.startS);
    if (one.state === "unknown" || one.state === "withheld") add(one.startS, one.endS);
    knownUntil = Math.max(knownUntil, one.endS);
    silent = one.n === 0;
  }
  if (silent || toS - knownUntil > (gapS ?? 0)) add(knownUntil, toS);
  return spans;
}

/** The stretches with an own band: lists of [x, low, high, expected]. */
function bandRuns(windows) {
  const runs = [];
  let run = null;
  for (const one of windows) {
    if (one === null || one.low === null || one.high === null) {
      run = null;
      continue;
    }
    if (run === null) runs.push((run = [[one.startS, one.low, one.high, one.expected]]));
    run.push([one.middle, one.low, one.high, one.expected], [one.endS, one.low, one.high, one.expected]);
  }
  return runs;
}

export class VitalChart {
  /** height: CSS pixels of the plot. */
  constructor(chart, view, height) {
    this.height = height;
    this.marks = marksOf(null);
    this.caption = h("p", { class: "caption" });
    this.plotted = h("div", { class: "plot", role: "img" });
    this.heading = h("h3", {}, vitalWord(chart.vital), h("span", { class: "quiet" }, unitWord(chart.unit)));
    this.root = h("figure", { class: "chart" }, h("div", { class: "chart-head" }, this.heading, this.caption), this.plotted);
    this.take(chart, view);
  }

  take(chart, view) {
    this.chart = chart;
    this.view = view;
    Object.assign(this, columns(chart));
    this.measured = measuredOf(view.evidence, chart.vital, view);
    this.spans = unknownSpans(this.windows, chart.gap_s, view.sinceS, view.untilS);
    this.runs = bandRuns(this.windows);
    this.plotted.setAttribute("aria-label", this.summary());
    this.describe(null);
  }

  /** Show newer data in place. */
  update(chart, view) {
    this.take(chart, view);
    if (this.plot) {
      this.plot.setData(this.data, false);
      this.rescale();
    }
  }

  /** Show what has happened about this vital. */
  mark(marks) {
    this.marks = marks;
    this.plotted.setAttribute("aria-label", this.summary());
    this.redraw();
  }

  /** Draw, once the figure is in the page and has a width. */
  mount() {
    this.plot = new uPlot(this.options(), this.data, this.plotted);
    this.rescale();
    this.watcher = new ResizeObserver(() => {
      const width = this.plotted.clientWidth;
      if (width && Math.abs(width - this.plot.width) > 1) this.plot.setSize({ width, height: this.height });
    });
    this.watcher.observe(this.plotted);
  }

  unmount() {
    this.watcher?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  redraw() {
    this.plot?.redraw(false, true);
  }

  rescale() {
    this.plot.batch(() => {
      this.plot.setScale("x", { min: this.view.sinceS, max: this.view.untilS });
      this.plot.setScale("y", this.reach());
    });
  }

  /** The values that have to be in sight, with some air. */
  reach() {
    const seen = this.measured.map((one) => one.value);
    for (const one of this.windows) if (one) seen.push(one.mean, one.low, one.high);
    const values = seen.filter((value) => value !== null && Number.isFinite(value));
    if (!values.length) return { min: 0, max: 1 };
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const air = (high - low || Math.abs(high) * 0.1 || 1) * 0.14;
    return { min: low - air, max: high + air };
  }

  options() {
    const font = `12px ${look("--font")}`;
    const axis = { stroke: () => look("--ink-3"), font, ticks: { show: false }, grid: { stroke: () => look("--grid"), width: 1 } };
    return {
      width: this.plotted.clientWidth || 600,
      height: this.height,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, width: 2 } },
      padding: [18, 10, 0, 0],
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      axes: [
        { ...axis, size: 30, space: 84, grid: { show: false }, values: (_, splits, __, ___, step) => splits.map((at) => tick(at, step)) },
        { ...axis, size: 46, space: 34, values: (_, splits) => splits.map((value) => number(value)) },
      ],
      series: [
        {},
        { stroke: () => look("--line"), width: 1.5, spanGaps: false, points: { show: false } },
        { stroke: () => look("--unknown-ink"), width: 1, dash: [2, 3], points: { show: true, size: 5, fill: () => look("--card") } },
      ],
      hooks: { drawClear: [(u) => this.behind(u)], draw: [(u) => this.before(u)], setCursor: [(u) => this.describe(u.cursor.idx)] },
    };
  }

  behind(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const run of this.runs) drawBand(u, run);
    drawUnknown(u, this.spans);
    ctx.restore();
  }

  before(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, 0, bbox.width + 12 * px(), bbox.top + bbox.height);
    ctx.clip();
    this.windows.forEach((one, place) => this.drawPoint(u, one, place));
    drawMarks(u, this.marks, look, px());
    drawMeasured(u, this.measured, look("--onset"), px());
    if (this.view.onsetS !== null) drawOnset(u, this.view.onsetS);
    ctx.restore();
  }

  /** Deviating windows as diamonds; a window alone as a dot, where no line would show it. */
  drawPoint(u, one, place) {
    if (one === null || one.mean === null || one.middle < this.view.sinceS) return;
    const known = this.data[1];
    const alone = known[place] !== null && (known[place - 1] ?? null) === null && (known[place + 1] ?? null) === null;
    const few = this.windows.length < 70 && known[place] !== null;
    if (one.state === "deviating") drawMark(u, one.middle, one.mean, 4.6, look("--deviating"), true);
    else if (alone || few) drawMark(u, one.middle, one.mean, 2.6, look("--line"), false);
  }

  /** What the alert is about and no window tells of yet, in words; null if there is nothing. */
  get unseen() {
    const last = this.windows.findLast((found) => found);
    return unseen(this.measured, last, { vital: this.chart.vital, unit: this.chart.unit, nowS: this.view.nowS });
  }

  /** The line under the heading: what the cursor is on, or what is newest. */
  describe(place) {
    const resting = place === null || place === undefined;
    const one = resting ? this.windows.findLast((found) => found) : this.windows[place];
    const said = resting ? this.unseen : null;
    if (!one) {
      setText(this.caption, this.windows.length ? "Nothing known here" : said ? `${said} · no window is over yet` : "No readings in this time");
      return;
    }
    const own = band(one);
    const verdict = { normal: "within own band", deviating: "outside own band", unknown: "not known", withheld: "withheld by consent" };
    if (resting && one.mean === null && !said) {
      setText(this.caption, this.lastMeasured(one));
      this.caption.dataset.state = one.state;
      return;
    }
    const parts = [time(one.startS, this.view.nowS), measured(this.chart.vital, one.mean, this.chart.unit, digits(one)), own ? `own band ${own}` : "no own band", verdict[one.state]];
    if (!resting) parts.push(...wordsAt(this.marks, one.middle, Math.max((one.endS - one.startS) / 2, (this.view.untilS - this.view.sinceS) / 150)));
    setText(this.caption, (said ? `${said} · newest window: ` : resting ? "Newest: " : "") + parts.join(" · "));
    this.caption.dataset.state = said ? "" : one.state;
  }

  /** What was measured last, where the newest window has nothing. */
  lastMeasured(newest) {
    const last = this.windows.findLast((one) => one && one.mean !== null);
    if (!last) return "Nothing was measured in this time";
    const now = newest.state === "withheld" ? "withheld by consent now" : "not known now";
    return `Last measured: ${time(last.startS, this.view.nowS)} · ${measured(this.chart.vital, last.mean, this.chart.unit, digits(last))} · ${now}`;
  }

  /** The chart in a sentence, for those who do not see it. */
  summary() {
    const shown = this.windows.filter((one) => one);
    const count = (state) => shown.filter((one) => one.state === state).length;
    const last = shown.at(-1);
    const name = vitalWord(this.chart.vital);
    const said = this.unseen;
    if (!last) return said ? `${name}: no window is over yet. ${said}.` : `${name}: no readings in this time.`;
    const own = band(last);
    return (
      `${name}: ${shown.length} windows, ${count("deviating")} outside the patient's own band, ` +
      `${count("unknown") + count("withheld")} not known, ${this.spans.length} stretches without knowledge. ` +
      `Newest ${measured(this.chart.vital, last.mean, this.chart.unit, digits(last))}${own ? `, own band ${own}` : ""}.${said ? ` ${said}.` : ""}` +
      inWords(this.marks, this.view.sinceS, this.view.untilS)
    );
  }
}

const tick = (at, step) => (step >= DAY_S ? dateOnly(at) : new Date(at * 1000).getHours() === 0 && step >= 3600 ? dateOnly(at) : clockTime(at));
const px = () => globalThis.devicePixelRatio || 1;

function drawBand(u, run) {
  const { ctx } = u;
  const x = (at) => u.valToPos(at, "x", true);
  const y = (value) => u.valToPos(value, "y", true);
  ctx.fillStyle = look("--band");
  ctx.beginPath();
  run.forEach(([at, , high], place) => (place ? ctx.lineTo(x(at), y(high)) : ctx.moveTo(x(at), y(high))));
  [...run].reverse().forEach(([at, low]) => ctx.lineTo(x(at), y(low)));
  ctx.fill();
  ctx.strokeStyle = look("--expected");
  ctx.lineWidth = 1.2 * px();
  ctx.setLineDash([5 * px(), 4 * px()]);
  ctx.beginPath();
  run.filter(([, , , expected]) => expected !== null).forEach(([at, , , value], place) => (place ? ctx.lineTo(x(at), y(value)) : ctx.moveTo(x(at), y(value))));
  ctx.stroke();
  ctx.setLineDash([]);
}

function drawUnknown(u, spans) {
  const { ctx, bbox } = u;
  const edge = (at) => Math.min(Math.max(u.valToPos(at, "x", true), bbox.left), bbox.left + bbox.width);
  for (const [start, end] of spans) {
    const [left, right] = [edge(start), edge(end)];
    if (right - left < 1) continue;
    ctx.fillStyle = look("--unknown");
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    hatch(ctx, left, right, bbox);
    label(ctx, left, right, bbox);
  }
}

function hatch(ctx, left, right, { top, height }) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, right - left, height);
  ctx.clip();
  ctx.strokeStyle = look("--hatch");
  ctx.lineWidth = px();
  ctx.beginPath();
  for (let x = left - height; x < right; x += 8 * px()) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

function label(ctx, left, right, { top }) {
  ctx.font = `${11 * px()}px ${look("--font")}`;
  const width = ctx.measureText("not known").width;
  if (right - left < width + 16 * px()) return;
  ctx.fillStyle = look("--unknown-ink");
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  ctx.fillText("not known", (left + right) / 2, top + 5 * px());
}

function drawMark(u, at, value, size, colour, diamond) {
  const { ctx } = u;
  const [x, y, r] = [u.valToPos(at, "x", true), u.valToPos(value, "y", true), size * px()];
  ctx.fillStyle = colour;
  ctx.strokeStyle = look("--card");
  ctx.lineWidth = 1.2 * px();
  ctx.beginPath();
  if (diamond) {
    ctx.moveTo(x, y - r);
    ctx.lineTo(x + r, y);
    ctx.lineTo(x, y + r);
    ctx.lineTo(x - r, y);
    ctx.closePath();
  } else ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
  if (diamond) ctx.stroke();
}

function drawOnset(u, onsetS) {
  const { ctx, bbox } = u;
  if (onsetS < u.scales.x.min || onsetS > u.scales.x.max) return;
  const x = Math.round(u.valToPos(onsetS, "x", true));
  ctx.strokeStyle = ctx.fillStyle = look("--onset");
  ctx.lineWidth = 1.4 * px();
  ctx.beginPath();
  ctx.moveTo(x, bbox.top - 2 * px());
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `600 ${11 * px()}px ${look("--font")}`;
  ctx.textBaseline = "bottom";
  const nearEnd = x > bbox.left + bbox.width - 80 * px();
  ctx.textAlign = nearEnd ? "right" : "left";
  ctx.fillText("alert began", x + (nearEnd ? 4 : -2) * px(), bbox.top - 4 * px());
}
