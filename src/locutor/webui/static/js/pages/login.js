// A key in exchange for a cookie that players and event streams send along.

import { currentSession, post } from "../lib/api.js";
import { fill, find } from "../lib/dom.js";
import { Page, valuesOf } from "../lib/page.js";

class LoginPage extends Page {
  start() {
    if (currentSession()?.authenticated) enter();
    this.on("submit", "[data-login]", async (form, event) => {
      event.preventDefault();
      try {
        await post("/auth/login", { key: valuesOf(/** @type {HTMLFormElement} */ (form)).key.trim() });
        enter();
      } catch (error) {
        fill(this, { problem: error instanceof Error ? error.message : String(error) });
        find(this, "[data-wrong]").hidden = false;
      }
    });
  }
}

/** To where the login interrupted; never to another site. */
function enter() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  location.assign(/^\/webui(\/[a-z]*)?$/.test(next) ? next : "/webui");
}

customElements.define("login-page", LoginPage);
