"""The studio without a mouse."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

Open = Callable[..., Page]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

PAGES = ("studio", "voices", "jobs", "datasets", "training", "profiles", "models", "settings")


def test_everything_by_keyboard(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("By keyboard.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".take", has_text="By keyboard.").first).to_be_visible()
    page.keyboard.press("Tab")
    for key, name in (("v", "voices"), ("j", "jobs"), ("s", "studio")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_selector(f"{name}-page[data-ready]")
        expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("[data-entry]").first).to_be_focused()


def test_single_keys_can_be_switched_off(open_page: Open) -> None:
    page = open_page("settings")
    page.uncheck("[data-keys-switch]")
    page.click('[data-nav="jobs"]')
    page.wait_for_selector("jobs-page[data-ready]")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.click("[data-help]")
    expect(page.locator("#shortcuts")).to_be_visible()


# What can be used and is not reached by Tab; of radio buttons of one name one is enough.
UNREACHED = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((e) => e.dataset.reached === undefined && e.checkVisibility({ visibilityProperty: true })
    && !e.disabled && e.tabIndex >= 0
    && !(e.type === "radio" && document.querySelector(`[name="${e.name}"][data-reached]`)))
  .map((e) => e.outerHTML.slice(0, 140))"""
FOCUSED = """() => {
  const e = document.activeElement;
  if (e === document.body) return "none";
  const first = e.dataset.reached === undefined;
  e.dataset.reached = "";
  const around = [e, e.nextElementSibling, e.closest("label"), e.closest("li, .voice-chip, .dock-wave")];
  const seen = around.filter(Boolean).map((one) => getComputedStyle(one))
    .some(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && outlineWidth !== "0px");
  return first ? (seen ? "seen" : e.outerHTML.slice(0, 140)) : "again";
}"""


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_every_control_and_shows_where_it_is(open_page: Open, name: str) -> None:
    page, lost = open_page(name), []
    for _ in range(600):
        page.keyboard.press("Tab")
        where = page.evaluate(FOCUSED)
        if where == "again":
            break
        if where not in ("seen", "none"):
            lost.append(where)
    assert lost == []
    assert page.evaluate(UNREACHED) == []
