// Elements from data. Text always goes in as text: what patients, devices or people wrote is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties (`class`, `data`, `aria`, listeners as `onclick`) and children (elements, text, null). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProperty(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** The same for SVG, with attributes only. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

function setProperty(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "aria") for (const [key, text] of Object.entries(value)) element.setAttribute(`aria-${key}`, text);
  else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name in element && typeof value !== "string") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

let spoken = null;

/** Alerts are told in the language of the deployment; the page around them is in English. */
export const alertsAreIn = (language) => {
  spoken = language === document.documentElement.lang ? null : language;
};

/** For what holds words of an alert: a screen reader has to speak them as what they are. */
export const told = () => ({ lang: spoken });

export const byId = (id) => document.getElementById(id);

/** Set text only when it changes, so that screen readers and selections are left in peace. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
