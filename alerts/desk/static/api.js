// What the page asks of the desk. Every problem is an Error with a sentence for a person.

const path = (...parts) => `/api/${parts.map(encodeURIComponent).join("/")}`;

async function answered(url, options) {
  let answer;
  try {
    answer = await fetch(url, { headers: { Accept: "application/json" }, ...options });
  } catch {
    throw new Error("The desk does not answer.");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `The desk answered with ${answer.status}.`);
  return body;
}

export const about = () => answered(path("desk"));
export const worklist = (view) => answered(`${path("alerts")}?view=${encodeURIComponent(view)}`);
export const alert = (id) => answered(path("alerts", id));

/** Windows of one vital, or of all of them, of a patient. */
/** How each vital of a patient stands now. */
export const states = (patient) => answered(path("patients", patient, "states"));

export function vitals(patient, { vital, sinceS, untilS }) {
  const query = new URLSearchParams();
  if (vital) query.set("vital", vital);
  query.set("since", new Date(sinceS * 1000).toISOString());
  query.set("until", new Date(untilS * 1000).toISOString());
  return answered(`${path("patients", patient, "vitals")}?${query}`);
}

export function act(id, asked) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return answered(path("alerts", id, "actions"), { method: "POST", headers, body: JSON.stringify(asked) });
}
