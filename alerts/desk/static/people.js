// Who may sign in, for admins: the list, and what can be done about each. The dialogs are in `person`.

import * as api from "./api.js";
import { PersonDialog } from "./person.js";
import { byId, h, setText } from "./dom.js";
import { fullTime, seconds, span } from "./words.js";

export const ROLE_WORDS = { viewer: "Viewer", nurse: "Nurse", lead: "Lead", admin: "Admin" };
export const teamWord = (team) => (team === "*" ? "every team" : team);
const HERE_S = 10 * 60; // somebody who did something since then is here
const TONES = 6; // colours of the discs

const dialog = new PersonDialog(showPeople);

/** One's own password, for everybody. */
export const choosePassword = (me) => dialog.password(me);

/** Draw everybody. said: what was done just now; key: the button that had the focus. */
export async function showPeople(said = "", key = null) {
  const found = await api.people();
  const nowS = seconds(found.now);
  const [able, disabled] = [found.people.filter((one) => !one.disabled_at), found.people.filter((one) => one.disabled_at)];
  const here = able.filter((one) => isHere(one, nowS)).length;
  const count = `${able.length} ${able.length === 1 ? "person" : "people"} can sign in, ${here} ${here === 1 ? "is" : "are"} here now`;
  byId("report").replaceChildren(
    h(
      "header",
      { class: "report-head" },
      h("div", {}, h("h2", {}, "People"), h("p", { class: "quiet" }, count)),
      h("button", { type: "button", class: "strong", data: { key: "invite" }, onclick: () => dialog.invite(found) }, "Invite somebody"),
    ),
    section("Can sign in", able, "Nobody can sign in.", (one) => person(one, found, nowS)),
    ...(disabled.length ? [section("Disabled", disabled, "", (one) => person(one, found, nowS))] : []),
  );
  if (said) setText(byId("say"), said);
  if (key) (byId("report").querySelector(`[data-key="${CSS.escape(key)}"]`) ?? byId("report")).focus();
}

const section = (title, people, none, row) =>
  h("section", { aria: { label: title } }, h("h3", {}, title, h("span", { class: "state" }, String(people.length))), people.length ? h("ul", { class: "rows people" }, people.map(row)) : h("p", { class: "quiet" }, none));

function person(one, found, nowS) {
  const teams = one.role === "admin" ? ["every team"] : one.teams.map(teamWord);
  return h(
    "li",
    { class: `person${one.disabled_at ? " disabled" : ""}` },
    h("span", { class: `disc tone-${toneOf(one.id)}`, aria: { hidden: "true" } }, initials(one.name)),
    h("div", { class: "who-is" }, h("p", { class: "name" }, h("strong", {}, one.name), one.you ? h("span", { class: "state" }, "You") : null), h("p", { class: "quiet" }, one.id)),
    h("div", { class: "may" }, h("span", { class: `role ${one.role}` }, ROLE_WORDS[one.role] ?? one.role), h("p", { class: "teams" }, teams.length ? teams.join(", ") : "no team yet, sees nobody")),
    seen(one, nowS),
    buttons(one, found),
  );
}

const isHere = (one, nowS) => one.sessions > 0 && nowS - (seconds(one.seen_at) ?? 0) < HERE_S;

/** Whether they are here, and how they sign in: in words, the dot says nothing alone. */
function seen(one, nowS) {
  const seenS = seconds(one.seen_at);
  const ago = seenS === null ? "Has never signed in" : `Last seen ${span(nowS - seenS)} ago`;
  const [kind, word] = one.disabled_at
    ? ["out", `Disabled ${span(nowS - seconds(one.disabled_at))} ago`]
    : isHere(one, nowS) ? ["here", "Here now"] : one.sessions ? ["away", `Signed in, ${ago.toLowerCase()}`] : ["out", ago];
  const how = one.has_password ? "Signs in by password" : "Signs in by link only";
  return h("div", { class: "seen", title: seenS === null ? "" : fullTime(seenS) }, h("p", { class: `presence ${kind}` }, h("span", { class: "dot", aria: { hidden: "true" } }), word), h("p", { class: "quiet" }, how));
}

function buttons(one, found) {
  const button = (what, word, run) =>
    h("button", { type: "button", class: "plain small", data: { key: `${what}:${one.id}` }, aria: { label: `${word}: ${one.name}` }, onclick: run }, word);
  const change = button("change", "Change", () => dialog.change(one, found));
  if (one.disabled_at) return h("div", { class: "person-acts" }, change, button("enable", "Enable", () => dialog.enable(one)));
  return h(
    "div",
    { class: "person-acts" },
    change,
    button("link", "New link", () => dialog.link(one)),
    button("out", one.you ? "Sign out elsewhere" : "Sign out", () => dialog.signOut(one)),
    one.you ? null : button("disable", "Disable", () => dialog.disable(one)),
  );
}

const initials = (name) => name.split(/\s+/).filter(Boolean).map((word) => [...word][0]).filter((_, place, all) => place === 0 || place === all.length - 1).join("").toUpperCase();
const toneOf = (id) => [...id].reduce((sum, one) => (sum * 31 + one.codePointAt(0)) % 997, 7) % TONES;
