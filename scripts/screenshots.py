"""Pictures of every page of the studio: `python scripts/screenshots.py [--data FOLDER] [--only PAGE]`

Starts a service of its own, pictures what an empty one shows, fills it (studio_content.py), and pictures every page at
three widths in both themes, some in Portuguese and with their dialogs open, into out/screenshots. With --data the
content stays in FOLDER and is not made again. Six of them become the WebP files of docs/screenshots.
"""

import argparse
import base64
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
import studio_content
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))
from served import served  # noqa: E402  of the folder above

OUT, KEPT = ROOT / "out" / "screenshots", ROOT / "docs" / "screenshots"
PAGES = ("studio", "voices", "jobs", "datasets", "training", "profiles", "models", "settings", "login")
EMPTY = ("studio", "voices", "jobs", "datasets", "training")
WIDTHS = {390: 844, 768: 1024, 1440: 900}
THEMES = ("light", "dark")
READY_MS = 60_000
STRANGER = {"authenticated": False, "key_required": True, "scopes": []}
TO_WEBP = """async ([png, width]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width });
  canvas.height = Math.round((image.height * width) / image.width);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return [0.85, 0.7, 0.55, 0.4].map((quality) => canvas.toDataURL("image/webp", quality).split(",")[1]);
}"""
MAX_WEBP_BYTES = 60_000
# The pictures that stay: name, and how wide.
STAY = {
    "studio-1440-light": 1200, "studio-1440-dark": 1200, "voices-1440-light": 1200,
    "training-1440-light": 1200, "datasets-1440-dark": 1200, "studio-390-light": 390,
}  # fmt: skip


def play_something(page: Page) -> None:
    """The player with a waveform in it, half way through."""
    page.locator("[data-play-take]:visible").first.click()
    page.wait_for_selector(".dock-canvas > *", state="attached")
    page.wait_for_timeout(1200)
    page.locator("[data-play]").click()


def at_work(page: Page) -> None:
    """A text being written while another is heard."""
    page.fill(
        "#text", "The lighthouse keeper lit the lamp at six, as he had for forty years, and poured two cups of tea."
    )
    if page.viewport_size and page.viewport_size["width"] > 1000:
        play_something(page)


def open_first(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(f"{selector} >> visible=true").first.click()


# Pictures of what has to be opened first: name -> page, how.
OPENED: dict[str, tuple[str, Callable[[Page], None]]] = {
    "player": ("studio", play_something),
    "advanced": ("studio", open_first("[data-advanced] summary")),
    "download": ("studio", open_first("[data-download]")),
    "shortcuts": ("studio", open_first("[data-help]")),
    "edit": ("voices", open_first("[data-list] [data-edit]")),
    "blend": ("voices", open_first("[data-blend]")),
    "details": ("jobs", open_first("[data-details]")),
    "batch": ("jobs", open_first("[data-batch] summary")),
    "profile": ("profiles", open_first("[data-new]")),
    "promote": ("training", open_first("[data-promote]")),
}


class Camera:
    """Takes pictures of one service's pages."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url

    def take(
        self, page_name: str, name: str, width: int, theme: str, language: str = "en",
        act: Callable[[Page], None] | None = None,
    ) -> None:  # fmt: skip
        """Into out/screenshots/NAME-WIDTH-THEME.png: the whole page, or the window where something was opened."""
        viewport = {"width": width, "height": WIDTHS[width]}
        context = self.browser.new_context(viewport=viewport, locale=language, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(READY_MS)
        if page_name == "login":  # a service on loopback needs none and would lead on
            page.route("**/auth/session", lambda route: route.fulfill(json=STRANGER))
        page.goto(f"{self.url}/webui/{page_name}")
        page.wait_for_selector("[data-ready]", state="attached")
        page.wait_for_timeout(700)
        if act is not None:
            act(page)
            page.wait_for_timeout(300)
        else:
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(viewport["height"], height)})
            page.wait_for_timeout(300)
        page.screenshot(path=OUT / f"{name}-{width}-{theme}.png")
        context.close()


def keep(browser: Browser) -> None:
    """The pictures of STAY as WebP, each as good as MAX_WEBP_BYTES allow, of what a window shows without scrolling."""
    KEPT.mkdir(parents=True, exist_ok=True)
    page = browser.new_page()
    for name, width in STAY.items():
        png = base64.b64encode((OUT / f"kept-{name}.png").read_bytes()).decode()
        tried = [base64.b64decode(data) for data in page.evaluate(TO_WEBP, [png, width])]
        best = next(data for data in tried if len(data) <= MAX_WEBP_BYTES)
        (KEPT / f"{name}.webp").write_bytes(best)
        print(f"{name}.webp {len(best) / 1000:.0f} kB")
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a data folder whose content is kept, and used again")
    parser.add_argument("--only", choices=PAGES, help="pictures of one page, none to keep")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        data_dir = args.data or Path(scratch)
        data_dir.mkdir(parents=True, exist_ok=True)
        with served(data_dir) as url, httpx.Client(base_url=url, timeout=300) as client:
            camera = Camera(browser, url)
            if not client.get("/jobs").json()["total"]:
                for name in EMPTY:
                    for width in (390, 1440):
                        camera.take(name, f"empty-{name}", width, "light")
                studio_content.fill(client, epochs=6, n_recordings=9)  # enough to hold some out
            for name in PAGES if args.only is None else (args.only,):
                for width in WIDTHS:
                    for theme in THEMES:
                        camera.take(name, name, width, theme)
                camera.take(name, f"pt-{name}", 1440, "light", "pt-BR")
                camera.take(name, f"pt-{name}", 390, "dark", "pt-BR")
            for name, (page_name, act) in OPENED.items():
                if args.only in (None, page_name):
                    camera.take(page_name, f"open-{name}", 1440, "light", act=act)
                    camera.take(page_name, f"open-{name}", 390, "dark", act=act)
            if args.only is None:
                for name in STAY:
                    page_name, width, theme = name.split("-")
                    act = at_work if page_name == "studio" else lambda page: None
                    camera.take(page_name, f"kept-{page_name}", int(width), theme, act=act)
                keep(browser)
        browser.close()


if __name__ == "__main__":
    main()
