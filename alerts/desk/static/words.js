// The words, units and times of the page. Times are held against the time of the log, never against this machine's clock.

export const SEVERITIES = ["info", "advisory", "urgent", "emergency"];
export const SEVERITY_WORDS = { emergency: "Emergency", urgent: "Urgent", advisory: "Advisory", info: "Info" };
export const STATE_WORDS = { open: "Open", acknowledged: "Acknowledged", snoozed: "Snoozed", resolved: "Resolved" };
export const LISTS = [
  { view: "open", word: "Open" },
  { view: "acknowledged", word: "Acknowledged" },
  { view: "resolved", word: "Resolved" },
  { view: "retrospective", word: "Retrospective" },
];
export const EVENT_WORDS = {
  opened: "Opened", updated: "Updated", escalated: "Escalated", acknowledged: "Acknowledged", assigned: "Assigned",
  snoozed: "Snoozed", resolved: "Resolved", reopened: "Opened again", expired: "Expired",
};

export const VITAL_STATE_WORDS = {
  normal: "Normal for this patient", deviating: "Outside own band", unknown: "Not known", withheld: "Withheld by the patient",
};

const VITAL_WORDS = {
  heart_rate: "Heart rate", resting_heart_rate: "Resting heart rate", hrv_rmssd: "Heart rate variability",
  respiratory_rate: "Respiratory rate", spo2: "Oxygen saturation", body_temperature: "Temperature",
  skin_temperature: "Skin temperature", systolic_bp: "Systolic pressure", diastolic_bp: "Diastolic pressure",
  glucose: "Glucose", body_weight: "Weight", steps: "Steps", sleep_duration: "Sleep", fev1: "FEV1",
  peak_flow: "Peak flow", qtc: "QTc", consciousness: "Consciousness",
};
const LEVEL_WORDS = { consciousness: ["Alert", "New confusion", "Responds to voice", "Responds to pain", "Unresponsive"] };
const UNIT_WORDS = { Cel: "°C", "mm[Hg]": "mmHg", "{steps}": "steps", 1: "" };

export const vitalWord = (vital) => VITAL_WORDS[vital] ?? String(vital).replaceAll("_", " ");
export const unitWord = (unit) => UNIT_WORDS[unit] ?? unit ?? "";
export const seconds = (instant) => (instant ? Date.parse(instant) / 1000 : null);

/** How many decimals tell something: one where the patient's own band is narrow. */
export function digits({ low, high }) {
  return typeof low === "number" && typeof high === "number" ? (high - low < 12 ? 1 : 0) : null;
}

/** As many, and one more where they could put the value on the other side of a limit: 79.6 is below 80. */
export function enough(one) {
  const rounded = typeof one.value === "number" && Math.abs(one.value) < 1000 && Math.round(one.value * 10) % 10 !== 0;
  return digits(one) || (rounded ? 1 : digits(one));
}

/** A value with that many decimals, or as many as its size deserves. */
export function number(value, decimals = null) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const text = decimals === null ? value.toFixed(Math.abs(value) >= 60 ? 0 : 1).replace(/\.0$/, "") : value.toFixed(decimals);
  return text.replace("-", "−");
}

export const withUnit = (value, unit, decimals = null) => [number(value, decimals), unitWord(unit)].filter(Boolean).join(" ");

/** The name of a level, of a vital that has levels in place of amounts; null of any other. */
export const levelWord = (vital, value) => (typeof value === "number" && LEVEL_WORDS[vital]?.[Math.round(value)]) || null;

export const measured = (vital, value, unit, decimals = null) => levelWord(vital, value) ?? withUnit(value, unit, decimals);

/** The own band of evidence or of a window in words; null where there is none. */
export function band(one) {
  const decimals = digits(one);
  return decimals === null ? null : `${number(one.low, decimals)}–${number(one.high, decimals)}`;
}

/** A length of time in words: its two largest parts at most. */
export function span(lengthS) {
  const minutes = Math.floor(Math.abs(lengthS) / 60);
  if (minutes < 1) return "under a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 && hours < 6 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return days < 4 && hours % 24 ? `${days} d ${hours % 24} h` : `${days} days`;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { weekday: "short", day: "numeric", month: "short" };
const formats = {
  full: new Intl.DateTimeFormat("en-GB", { ...DAY, year: "numeric", ...CLOCK, timeZoneName: "short" }),
  day: new Intl.DateTimeFormat("en-GB", { ...DAY, ...CLOCK }),
  year: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", ...CLOCK }),
  clock: new Intl.DateTimeFormat("en-GB", CLOCK),
  zoned: new Intl.DateTimeFormat("en-GB", { ...CLOCK, timeZoneName: "short" }),
  zonedDay: new Intl.DateTimeFormat("en-GB", { ...DAY, ...CLOCK, timeZoneName: "short" }),
  date: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" }),
};

/** "1 patient", "2 patients". */
export const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

export const fullTime = (instantS) => (instantS === null ? "no data yet" : formats.full.format(instantS * 1000));
/** What homebeat says, with the times of records in it as a person says them. */
export const withTimes = (text) => text?.replace(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g, (stamp) => fullTime(seconds(stamp)));
export const clockTime = (instantS) => formats.clock.format(instantS * 1000);
export const dateOnly = (instantS) => formats.date.format(instantS * 1000);

const offset = (instantS) => new Date(instantS * 1000).getTimezoneOffset();

/** Whether the clocks change within an hour of it: one hour of that night there is twice, and another one never. */
const clocksChange = (instantS) => [-3600, 3600].some((apart) => offset(instantS + apart) !== offset(instantS));

/** As short as it can be without doubt, seen from the time of the log. */
export function time(instantS, nowS) {
  if (instantS === null) return "";
  const apart = Math.abs((nowS ?? instantS) - instantS);
  const [clock, day] = clocksChange(instantS) ? [formats.zoned, formats.zonedDay] : [formats.clock, formats.day];
  const format = apart < 12 * 3600 ? clock : apart < 300 * 86400 ? day : formats.year;
  return format.format(instantS * 1000);
}
