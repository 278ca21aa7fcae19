// Starts the page: words, session, the frame around the pages, and the script of the page that is shown.

import { currentSession, openSession, post } from "./lib/api.js";
import { find, findAll } from "./lib/dom.js";
import { live } from "./lib/events.js";
import { listenToKeys } from "./lib/keys.js";
import { complain } from "./lib/notify.js";
import { loadWords } from "./lib/words.js";

const YEAR_S = 31536000;

async function start() {
  const parts = [import("./elements/status-bar.js"), import("./elements/audio-dock.js"), import("./elements/wave-form.js")];
  const session = openSession();
  await loadWords();
  listenToKeys();
  listenToFrame();
  document.addEventListener("htmx:after:swap", () => void showPage(true));
  const { authenticated } = await session;
  document.dispatchEvent(new Event("session"));
  if (!authenticated && !location.pathname.endsWith("/login")) return;
  if (authenticated) live.start();
  await Promise.all(parts);
  await showPage(false);
}

/** @param {boolean} isSwapped whether another page was here before */
async function showPage(isSwapped) {
  const main = find(document, "#main");
  const name = main.dataset.page ?? "studio";
  for (const link of findAll(document, "[data-nav]")) {
    if (link.dataset.nav === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  await import(`./pages/${name}.js`);
  if (!isSwapped) return;
  document.title = `${main.dataset.title} · Locutor`;
  for (const dialog of findAll(document, "dialog[open]")) /** @type {HTMLDialogElement} */ (dialog).close();
  main.querySelector("h1")?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function listenToFrame() {
  const dialog = (/** @type {string} */ id) => /** @type {HTMLDialogElement} */ (find(document, id));
  find(document, "[data-help]").addEventListener("click", () => dialog("#shortcuts").showModal());
  find(document, "[data-more]").addEventListener("click", () => dialog("#more").showModal());
  find(document, "[data-language]").addEventListener("change", (event) => {
    const chosen = /** @type {HTMLSelectElement} */ (event.target).value;
    document.cookie = `locutor_lang=${chosen}; path=/; max-age=${YEAR_S}; samesite=lax`;
    location.reload();
  });
  find(document, "[data-logout]").addEventListener("click", async () => {
    try {
      await post("/auth/logout");
      location.assign("/webui/login");
    } catch (error) {
      complain(error);
    }
  });
  document.addEventListener("session", () => (find(document, "[data-logout]").hidden = !(currentSession()?.key_required && currentSession()?.authenticated)));
}

start().catch(complain);
