// Signing in and out. The link's token stands behind the # of the address, which no server and no log ever sees.

import * as api from "./api.js";
import { byId, setText } from "./dom.js";

const LINK = "#sign-in=";

export class Door {
  /** entered: called when somebody is signed in. */
  constructor(entered) {
    this.entered = entered;
    byId("sign-in").addEventListener("submit", (event) => this.submit(event));
    byId("sign-out").addEventListener("click", () => this.leave());
    globalThis.addEventListener("signed-out", () => this.show("Please sign in again."));
    // A link pasted into an open tab changes only what stands behind the #. Begin anew: nothing of who was here before stays.
    globalThis.addEventListener("hashchange", () => location.hash.startsWith(LINK) && location.reload());
  }

  /** Whether an address holds a one-time link; uses it up. */
  async byLink() {
    if (!location.hash.startsWith(LINK)) return;
    const token = location.hash.slice(LINK.length);
    history.replaceState(null, "", location.pathname + location.search);
    await api.signInByLink(token);
  }

  show(problem = "") {
    document.body.classList.add("signed-out");
    document.querySelectorAll("dialog[open]").forEach((one) => one.close());
    for (const id of ["panes", "report"]) byId(id).hidden = true;
    byId("door").hidden = false;
    this.problem(problem);
    byId("sign-in-name").focus();
  }

  hide() {
    document.body.classList.remove("signed-out");
    byId("door").hidden = true;
  }

  async submit(event) {
    event.preventDefault();
    const password = byId("sign-in-password");
    try {
      await api.signIn(byId("sign-in-name").value.trim(), password.value);
      this.problem("");
      this.entered();
    } catch (problem) {
      this.problem(problem.message);
    }
    password.value = "";
  }

  async leave() {
    await api.signOut().catch(() => null);
    location.reload();
  }

  problem(text) {
    byId("sign-in-problem").hidden = !text;
    setText(byId("sign-in-problem"), text);
  }
}
