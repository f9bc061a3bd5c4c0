// What the page asks of the desk. Every problem is an Error with a sentence for a person, and the status of the answer.

const path = (...parts) => `/api/${parts.map(encodeURIComponent).join("/")}`;

async function answered(url, options) {
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: "application/json" }, ...options });
  } catch {
    throw new Error("The desk does not answer.");
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 401 && !url.startsWith("/api/sign-in")) globalThis.dispatchEvent(new Event("signed-out"));
  if (!answer.ok) throw Object.assign(new Error(body.error ?? `The desk answered with ${answer.status}.`), { status: answer.status });
  return body;
}

let csrf = "";

/** Who is signed in and what the page must know; keeps the token that every change has to carry. */
export async function about() {
  const found = await answered(path("desk"));
  csrf = found.csrf;
  return found;
}

function changing(method, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-Homebeat-CSRF": csrf };
  return { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
}

export const signIn = (name, password) => answered(path("sign-in"), changing("POST", { name, password }));
export const signInByLink = (token) => answered(path("sign-in", "link"), changing("POST", { token }));
export const setPassword = (password, old) => answered(path("sign-in", "password"), changing("POST", { password, old }));
export const signOut = () => answered(path("sign-in"), changing("DELETE"));
export const patient = (id) => answered(path("patients", id));
/** Patients by the beginning of their id. */
export const findPatients = (begins) => answered(`${path("patients")}?${new URLSearchParams({ begins })}`);
export const handover = (hours) => answered(`${path("handover")}?hours=${hours}`);
export const cost = (days) => answered(`${path("cost")}?days=${days}`);
export const people = () => answered(path("people"));
export const invite = (asked) => answered(path("people"), changing("POST", asked));
export const changePerson = (id, asked) => answered(path("people", id), changing("PATCH", asked));
export const newLink = (id) => answered(path("people", id, "link"), changing("POST", {}));
export const disablePerson = (id) => answered(path("people", id, "disable"), changing("POST", {}));
export const enablePerson = (id) => answered(path("people", id, "enable"), changing("POST", {}));
export const signOutEverywhere = (id) => answered(path("people", id, "sessions"), changing("DELETE"));
export const acknowledgeAll = (alerts, reason) => answered(path("alerts", "acknowledge"), changing("POST", { alerts, reason }));
/** wanted: the filters of the API, by name. */
export const worklist = (view, wanted = {}) => answered(`${path("alerts")}?${new URLSearchParams({ view, ...wanted })}`);
export const alert = (id) => answered(path("alerts", id));

/** How each vital of a patient stands now. */
export const states = (patient) => answered(path("patients", patient, "states"));

/** Windows of one vital, or of all of them but some, of a patient. points: at most so many, of neighbours made one. */
export function vitals(patient, { vital, without = [], sinceS, untilS, points }) {
  const query = new URLSearchParams();
  if (vital) query.set("vital", vital);
  for (const one of without) query.append("without", one);
  if (points) query.set("points", points);
  query.set("since", new Date(sinceS * 1000).toISOString());
  query.set("until", new Date(untilS * 1000).toISOString());
  return answered(`${path("patients", patient, "vitals")}?${query}`);
}

/** When the first window of a vital begins within a time, and how many there are. */
export function reach(patient, { vital, sinceS, untilS }) {
  const query = new URLSearchParams({ vital, since: new Date(sinceS * 1000).toISOString(), until: new Date(untilS * 1000).toISOString() });
  return answered(`${path("patients", patient, "reach")}?${query}`);
}

export const act = (id, asked) => answered(path("alerts", id, "actions"), changing("POST", asked));
