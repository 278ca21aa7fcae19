"""The studio as people use it: a real browser, a live service, the built-in voice."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

Open = Callable[..., Page]
ROOT = Path(__file__).parents[2]
DEFAULT_VOICE = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"

pytestmark = pytest.mark.slow

PAGES = ("studio", "voices", "jobs", "datasets", "training", "profiles", "models", "settings")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
XSS = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>\"'&{{7*7}}"
MADE = '.take[data-status="completed"]'


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    """The page's own policy forbids what wait_for_function needs."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def speak(page: Page, text: str) -> None:
    """Write and generate, with few steps so that it takes no time."""
    page.fill("#text", text)
    page.evaluate("document.querySelector('[data-advanced]').open = true")
    page.fill("[name=nfe_step]", "2")
    page.click("[data-generate]")


def add_voice(page: Page, name: str) -> None:
    page.set_input_files("[data-new] [data-file]", DEFAULT_VOICE)
    page.fill("[data-new] [name=name]", name)
    page.check("[data-new] [name=consent][value=synthetic]")
    page.fill("[data-new] [name=consent_by]", "A test")
    expect(page.locator("[data-create]")).to_be_enabled()
    page.click("[data-create]")
    expect(page.locator("[data-list] h3", has_text=name)).to_be_visible()


def test_two_minutes_from_nothing_to_ones_own_voice(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_text("Your takes appear here")).to_be_visible()
    page.click("[data-example]")
    assert page.locator("#text").input_value().startswith("The kettle")
    page.click('[data-nav="voices"]')
    page.wait_for_selector("voices-page[data-ready]")
    add_voice(page, "Grandmother")
    page.click('[data-speak][aria-label="Speak with Grandmother"]')
    page.wait_for_selector("studio-page[data-ready]")
    expect(page.locator(".voice-chip:has(input:checked) strong")).to_have_text("Grandmother")
    speak(page, "Good evening.")
    expect(page.locator(".take").first).to_be_visible()  # at once, before it is made
    page.wait_for_selector(MADE)
    page.locator("[data-play-take]").first.click()
    until(lambda: page.evaluate("document.querySelector('audio').currentTime > 0.1"))
    until(lambda: page.evaluate("document.querySelector('.dock-canvas').childElementCount > 0"))
    page.locator("[data-download]").first.click()
    with page.expect_download() as download:
        page.locator("#download a", has_text="MP3").click()
    assert Path(download.value.path()).stat().st_size > 1000


def test_a_take_can_be_made_again_varied_and_edited(open_page: Open) -> None:
    page = open_page()
    if not page.locator(MADE).count():
        speak(page, "One, two, three.")
    page.wait_for_selector(MADE)
    n = page.locator(".take").count()
    page.locator("[data-again]").first.click()
    expect(page.locator(MADE)).to_have_count(n + 1)
    seeds = [re.search(r"seed (\d+)", page.locator(".take-head").nth(i).inner_text()) for i in (0, 1)]
    assert seeds[0] and seeds[1] and seeds[0][1] == seeds[1][1]
    page.locator("[data-edit]").first.click()
    assert page.locator("[name=seed]").input_value() == seeds[0][1]


def test_drafts_survive_a_reload(open_page: Open) -> None:
    page = open_page()
    page.fill("#text", "Not sent yet")
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    assert page.locator("#text").input_value() == "Not sent yet"


def test_two_tabs_see_the_same(open_page: Open) -> None:
    first, second = open_page(), open_page("jobs")
    speak(first, "Seen in both tabs.")
    expect(second.locator(".job", has_text="Seen in both tabs.").first).to_be_visible()


def test_bad_uploads_are_told_in_words(open_page: Open, tmp_path: Path) -> None:
    page = open_page("voices", allow=("status of 422",))
    bad = {"empty.wav": b"", "words.wav": b"this is not sound", "zeros.wav": bytes(100_000)}
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
        page.set_input_files("[data-new] [data-file]", tmp_path / name)
        item = page.locator("[data-clips] > li", has_text=name)
        expect(item.locator("[data-verdict]")).to_have_text("cannot be used")
        expect(item.locator("[data-problem]")).to_contain_text(re.compile(r"\w{4}"))
    expect(page.locator("[data-create]")).to_be_disabled()


def test_the_microphone_records(open_page: Open) -> None:
    page = open_page("voices")
    page.click("[data-record]")
    page.wait_for_timeout(1500)
    page.click("[data-record]")
    expect(page.locator("[data-clips] > li", has_text="recording")).to_be_visible()
    expect(page.locator("[data-verdict]").last).not_to_have_text("listening…")


def test_it_comes_back_when_the_service_was_killed(open_page: Open, server: Any) -> None:
    page = open_page(allow=("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET", "ERR_EMPTY"))
    page.fill("#text", "Still here")
    server.kill()
    expect(page.locator("[data-lamp]")).to_have_attribute("data-state", "down")
    page.click("[data-generate]")
    expect(page.locator(".toast")).to_contain_text("Nothing you wrote is lost")
    server.start()
    expect(page.locator("[data-lamp]")).to_have_attribute("data-state", re.compile("ready|busy"))
    assert page.locator("#text").input_value() == "Still here"
    speak(page, "Back again.")
    page.wait_for_selector(f'{MADE}:has-text("Back again.")')


def test_words_in_every_field_stay_words(open_page: Open) -> None:
    page = open_page("voices")
    add_voice(page, XSS[:60])
    page.click('[data-nav="studio"]')
    page.wait_for_selector("studio-page[data-ready]")
    speak(page, XSS)
    expect(page.locator(".take-text").first).to_have_text(XSS)
    page.click('[data-nav="profiles"]')
    page.wait_for_selector("profiles-page[data-ready]")
    page.locator("[data-new]").first.click()
    page.fill("[data-form] [name=name]", XSS[:60])
    page.fill("[data-form] [name=description]", XSS)
    page.click("[data-form] button.primary")
    expect(page.locator(".tile", has_text=XSS[:20]).first).to_be_visible()
    page.click('[data-nav="jobs"]')
    page.wait_for_selector("jobs-page[data-ready]")
    page.fill("[data-search]", XSS[:20])
    expect(page.locator(".job").first).to_contain_text(XSS[:20])
    assert page.evaluate("window.hacked") is None


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, "login"])
def test_axe_finds_nothing(open_page: Open, name: str, theme: str) -> None:
    if not AXE.exists() and not os.environ.get("CI"):
        pytest.skip("axe is not installed; make test installs it where there is npm")
    page = open_page(name, color_scheme=theme)
    page.wait_for_timeout(300)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    told = [f"{v['id']}: {v['nodes'][0]['html'][:160]} {v['nodes'][0]['failureSummary']}" for v in found["violations"]]
    assert told == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_sticks_out(open_page: Open, name: str, width: int) -> None:
    page = open_page(name, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_idle_page_asks_nothing(open_page: Open) -> None:
    page = open_page("jobs")
    page.wait_for_timeout(1500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4000)
    assert asked == []


def test_it_is_there_within_a_second(open_page: Open) -> None:
    page = open_page()
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    begun = page.evaluate("performance.getEntriesByName('interactive')[0]?.startTime ?? performance.now()")
    over_the_wire = page.evaluate(
        "performance.getEntries().filter(e => e.transferSize).reduce((sum, e) => sum + e.transferSize, 0)"
    )
    print(f"interactive after {begun:.0f} ms; {over_the_wire} bytes on a second visit")
    assert over_the_wire <= 150_000


def test_portuguese_by_browser_and_by_choice(open_page: Open) -> None:
    page = open_page(locale="pt-BR")
    expect(page.locator("h1")).to_have_text("Estúdio")
    expect(page.locator("[data-count]")).to_contain_text("caracteres")
    page.select_option("[data-language]", "en")
    expect(page.locator("h1")).to_have_text("Studio")


def test_off_loopback_the_page_asks_for_a_key(
    browser: Browser, make_server: Callable[..., Any], tmp_path: Path
) -> None:
    environ = os.environ | {"LOCUTOR_DATA_DIR": str(tmp_path)}
    made = subprocess.run(
        [sys.executable, "-m", "locutor.cli.main", "keys", "create", "test", "--scope", "admin"],
        env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"loc_\w+_[\w-]+", made.stdout)
    assert found is not None, made.stdout
    server = make_server(tmp_path, host="0.0.0.0")
    server.start()
    try:
        page = browser.new_context(locale="en-GB").new_page()
        page.goto(f"{server.url}/webui/jobs")
        page.wait_for_url("**/webui/login?**")
        page.fill("[name=key]", "loc_wrong_key")
        page.click("[data-login] button")
        expect(page.locator("[data-wrong]")).to_contain_text("unknown")
        page.fill("[name=key]", found[0])
        page.click("[data-login] button")
        page.wait_for_selector("jobs-page[data-ready]")
        page.click('[data-nav="settings"]')
        page.fill("[data-key-form] [name=name]", "tablet")
        page.click("[data-key-form] button")
        expect(page.locator("[data-secret] code")).to_contain_text("loc_")
        page.click("[data-logout]")
        page.wait_for_url("**/webui/login")
        page.context.close()
    finally:
        server.kill()
