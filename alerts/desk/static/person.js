// The dialogs about one person: invite, change, hand a link over, sign out, disable, enable.

import * as api from "./api.js";
import { byId, h, setText } from "./dom.js";
import { fullTime, seconds } from "./words.js";

const ROLES = [
  { role: "viewer", word: "Viewer", may: "Looks at the patients of their teams." },
  { role: "nurse", word: "Nurse", may: "Also acts: acknowledges, snoozes, resolves." },
  { role: "lead", word: "Lead", may: "Also sees what alerts cost, and alerts of no team." },
  { role: "admin", word: "Admin", may: "Everything, for every team; lets people in." },
];
const EVERY_TEAM = "*";
const CHARACTERS = 128;

export class PersonDialog {
  /** done: called with what was done in words, and the key of the button to go back to. */
  constructor(done) {
    this.done = done;
    this.dialog = byId("person");
    this.dialog.addEventListener("close", () => this.left());
  }

  /** One's own password. An invited person has none, and so needs a link each time. */
  password(me) {
    const secret = (id, label, complete, hint) => field(id, label, { type: "password", autocomplete: complete, maxlength: "256" }, hint);
    const parts = [
      h("input", { type: "text", value: me.id, autocomplete: "username", hidden: true }),
      secret("person-old", "Password until now", "current-password", "Leave it empty if you have none yet."),
      secret("person-new", "New password", "new-password", "12 characters or more: a sentence is good."),
    ];
    this.ask("Choose a password", "You stay signed in here; elsewhere you are signed out.", parts, "Save", async () => {
      const [old, chosen] = [byId("person-old").value, byId("person-new").value];
      if (chosen.length < 12) return this.problem("A password has 12 characters or more.", "person-new");
      await api.setPassword(chosen, old);
      this.dialog.close();
      return setText(byId("say"), "Your password is set.");
    });
    byId("person-old").focus();
  }

  invite({ teams }) {
    this.key = "invite";
    const id = field("person-id", "Sign-in name", { autocapitalize: "none", spellcheck: "false", placeholder: "ann.lee" }, "Stands beside what they do, and cannot be changed.");
    const form = this.form({ id: "", name: "", role: "nurse", teams: [] }, teams, [id]);
    this.ask("Invite somebody", "They get a link that signs them in once.", form.parts, "Invite", async () => {
      const asked = { id: byId("person-id").value.trim(), ...form.read() };
      if (!asked.name) return this.problem("What is their name?", "person-name");
      if (!/^[\x21-\x7e]+$/.test(asked.id)) return this.problem("A sign-in name has letters and digits, without spaces.", "person-id");
      return this.handOver(asked.name, await api.invite(asked), "is invited");
    });
  }

  change(person, { teams }) {
    this.key = `change:${person.id}`;
    const form = this.form(person, teams);
    const about = person.you ? "Your own role is changed by another admin." : "It holds at once, also on the pages they have open.";
    this.ask(`Change ${person.name}`, about, form.parts, "Save", async () => {
      const { role, ...asked } = form.read();
      if (!asked.name) return this.problem("What is their name?", "person-name");
      await api.changePerson(person.id, person.you ? asked : { role, ...asked });
      return this.finish(`${asked.name} is changed.`);
    });
  }

  link(person) {
    this.key = `link:${person.id}`;
    this.ask(`A new link for ${person.name}`, "It signs them in once. A link that they have not used yet stops working.", [], "Make the link", async () =>
      this.handOver(person.name, await api.newLink(person.id), "has a new link"),
    );
  }

  signOut(person) {
    this.key = `out:${person.id}`;
    const about = person.you ? "Everywhere but here, and links that you have not used." : "On every device, at once. A link that they have not used stops working too. They may sign in again.";
    this.ask(`Sign ${person.you ? "yourself" : person.name} out`, about, [], "Sign out", async () => {
      await api.signOutEverywhere(person.id);
      this.finish(`${person.name} is signed out.`);
    });
  }

  disable(person) {
    this.key = `enable:${person.id}`;
    const about = "They are signed out at once and cannot sign in until somebody enables them. What they did stays on record.";
    this.ask(`Disable ${person.name}`, about, [], "Disable", async () => {
      await api.disablePerson(person.id);
      this.finish(`${person.name} is disabled and signed out.`);
    });
  }

  enable(person) {
    this.key = `disable:${person.id}`;
    const about = person.has_password ? "They can sign in again, by their password." : "They can sign in again, once you hand them a new link.";
    this.ask(`Enable ${person.name}`, about, [], "Enable", async () => {
      await api.enablePerson(person.id);
      this.finish(`${person.name} is enabled.`);
    });
  }

  /** The fields of an account; `read` answers with what stands in them. */
  form(person, known, more = []) {
    const roles = ROLES.map(({ role, word, may }) =>
      choice("radio", "person-role", role, person.role === role, h("span", {}, h("strong", {}, word), h("small", {}, may)), person.you),
    );
    const teams = [...new Set([EVERY_TEAM, ...known, ...person.teams])].map((team) =>
      choice("checkbox", "person-team", team, person.teams.includes(team), h("span", {}, team === EVERY_TEAM ? "Every team" : team)),
    );
    const parts = [
      field("person-name", "Name", { value: person.name, autocomplete: "off" }),
      ...more,
      h("fieldset", {}, h("legend", {}, "Role"), h("div", { class: "role-choices" }, roles)),
      h("fieldset", {}, h("legend", {}, "Teams whose patients they see"), h("div", { class: "team-choices" }, teams)),
      field("person-other-team", "Another team (optional)", { autocomplete: "off" }),
    ];
    return { parts, read };
  }

  /** Show the link: once, here. */
  handOver(name, { link, until }, what) {
    const address = h("input", { id: "person-link", class: "address", readOnly: true, aria: { describedby: "person-about" } });
    address.value = location.origin + link;
    address.addEventListener("focus", () => address.select());
    const copy = h("button", { type: "button", class: "soft", onclick: () => this.copy(address) }, "Copy");
    this.said = `${name} ${what}.`;
    this.draw(`Hand this link to ${name}`, `It signs them in once, until ${fullTime(seconds(until))}. It is shown only now: send it by a way that only they read. Behind their name, at the top, they choose a password.`, [
      h("label", { for: "person-link" }, "Sign-in link"),
      h("div", { class: "hand-over" }, address, copy),
      h("p", { class: "quiet", role: "status", id: "person-copied" }),
    ], [h("button", { type: "button", class: "strong", onclick: () => this.dialog.close() }, "Done")]);
    address.focus();
  }

  async copy(address) {
    address.select();
    const copied = await navigator.clipboard?.writeText(address.value).then(() => true, () => false);
    setText(byId("person-copied"), copied ? "Copied." : "The link is marked: copy it with Ctrl+C.");
  }

  ask(title, about, parts, word, run) {
    this.said = null;
    const send = h("button", { type: "submit", class: "strong" }, word);
    const cancel = h("button", { type: "button", class: "plain", onclick: () => this.dialog.close() }, "Cancel");
    this.draw(title, about, parts, [cancel, send]);
    this.dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      if (send.disabled) return;
      send.disabled = true;
      byId("person-problem").hidden = true;
      await run().catch((problem) => this.problem(problem.message));
      send.disabled = false;
    });
    if (!this.dialog.open) this.dialog.showModal();
    (byId("person-name") ?? send).focus();
  }

  draw(title, about, parts, buttons) {
    this.dialog.replaceChildren(
      h("form", { novalidate: true }, h("h2", { id: "person-title" }, title), h("p", { id: "person-about", class: "quiet" }, about), parts,
        h("p", { id: "person-problem", class: "problem", role: "alert", hidden: true }), h("div", { class: "act-row" }, buttons)),
    );
  }

  problem(text, at) {
    byId("person-problem").hidden = false;
    setText(byId("person-problem"), text);
    if (at) byId(at).focus();
  }

  finish(said) {
    this.said = said;
    this.dialog.close();
  }

  /** Nothing of it stays in the page, the link least of all. */
  left() {
    this.dialog.replaceChildren();
    if (this.said) this.done(this.said, this.key === "invite" ? "invite" : this.key).catch(() => null);
  }
}

function read() {
  const chosen = (name) => [...document.querySelectorAll(`[name="${name}"]:checked`)].map((one) => one.value);
  const other = byId("person-other-team").value.trim();
  return { name: byId("person-name").value.trim(), role: chosen("person-role")[0], teams: [...new Set([...chosen("person-team"), ...(other ? [other] : [])])] };
}

function field(id, label, properties, hint = null) {
  const input = h("input", { id, maxlength: String(CHARACTERS), ...properties, ...(hint ? { aria: { describedby: `${id}-hint` } } : {}) });
  return [h("label", { for: id }, label), input, hint ? h("p", { id: `${id}-hint`, class: "hint quiet" }, hint) : null];
}

function choice(type, name, value, on, words, fixed = false) {
  const box = h("input", { type, name, value, checked: on, disabled: fixed });
  return h("label", { class: "choice" }, box, words);
}
