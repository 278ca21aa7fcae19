"""Every control of every page: what it should do is written down here, one that is not fails, and each is used."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import FilePayload, Locator, Page, expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400, func_only=True)]

ROOT = Path(__file__).parents[2]
DEFAULT_VOICE = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"
INTERACTIVE = "button, a, summary, select, input:not([type=file]), textarea, [role=button]"  # files: by a button
# Every interactive element below a root and in templates, shown or not, that fits none of the selectors, as text.
UNMAPPED = """([interactive, root, selectors]) => [document, ...[...document.querySelectorAll("template")]
    .filter((t) => (root === "#main") === Boolean(t.closest("#main"))).map((t) => t.content)]
  .flatMap((part) => [...part.querySelectorAll(part === document ? `${root} :is(${interactive})` : interactive)])
  .filter((e) => !selectors.some((s) => e.matches(s))).map((e) => e.outerHTML.slice(0, 140))"""
SETTLE_MS = 20_000

Open = Callable[..., Page]
Act = Callable[[], None]
Effect = Callable[[Page, Locator, Act], None]


@dataclass(frozen=True)
class Control:
    """selector: of all controls of a kind; the first that can be seen is used, or the last.

    before: clicked first. prepare: what else is needed. width: of the window.
    """

    selector: str
    effect: Effect
    before: tuple[str, ...] = ()
    width: int = 1440
    prepare: Callable[[Page], object] = lambda page: None
    last: bool = False


def calls(*requests: str) -> Effect:
    """The service is asked for these: "METHOD /path" with wildcards."""

    def effect(page: Page, control: Locator, act: Act) -> None:
        first, *more = requests
        asked = []
        page.on("request", lambda r: asked.append(r))
        with page.expect_response(lambda r: _fits(r.request, first)) as answer:
            act()
        assert answer.value.status < 400, f"{first}: {answer.value.status} {answer.value.text()[:300]}"
        for wanted in more:
            _until(page, lambda wanted=wanted: any(_fits(r, wanted) for r in asked))

    return effect


def confirms(request: str) -> Effect:
    """A question comes first; No asks nothing, Yes does."""

    def effect(page: Page, control: Locator, act: Act) -> None:
        asked = []
        page.on("request", lambda r: asked.append(r))
        act()
        page.locator("#confirm [value=no]").click()
        assert not any(_fits(r, request) for r in asked)
        act()
        with page.expect_response(lambda r: _fits(r.request, request)) as answer:
            page.locator("#confirm [data-yes]").click()
        assert answer.value.status < 400, answer.value.text()

    return effect


def shows(selector: str) -> Effect:
    def effect(page: Page, control: Locator, act: Act) -> None:
        expect(page.locator(selector).first).to_be_hidden()
        act()
        expect(page.locator(selector).first).to_be_visible()

    return effect


def hides(selector: str) -> Effect:
    def effect(page: Page, control: Locator, act: Act) -> None:
        expect(page.locator(selector).first).to_be_visible()
        act()
        expect(page.locator(selector).first).to_be_hidden()

    return effect


def leads(pattern: str) -> Effect:
    def effect(page: Page, control: Locator, act: Act) -> None:
        act()
        page.wait_for_url(pattern)

    return effect


def downloads(page: Page, control: Locator, act: Act) -> None:
    with page.expect_download() as download:
        act()
    if problem := download.value.failure():
        answer = page.request.get(download.value.url)
        raise AssertionError(f"{problem}: {download.value.url} gives {answer.status} {answer.text()[:300]}")
    assert Path(download.value.path()).stat().st_size > 20


def chooses_files(page: Page, control: Locator, act: Act) -> None:
    with page.expect_file_chooser():
        act()


def unfolds(selector: str) -> Effect:
    """A summary shows what its own fold holds."""

    def effect(page: Page, control: Locator, act: Act) -> None:
        inside = control.locator("..").locator(selector)
        expect(inside).to_be_hidden()
        act()
        expect(inside).to_be_visible()

    return effect


def removes(selector: str) -> Effect:
    def effect(page: Page, control: Locator, act: Act) -> None:
        n = page.locator(selector).count()
        act()
        expect(page.locator(selector)).to_have_count(n - 1)

    return effect


def plays(page: Page, control: Locator, act: Act) -> None:
    act()
    expect(page.locator("audio-dock")).to_be_visible()
    _until(page, lambda: page.evaluate("document.querySelector('[data-audio]').currentTime > 0"), n_tries=600)
    expect(control).to_have_attribute("aria-pressed", "true") if control.get_attribute("data-url") else None


def tells(page: Page, control: Locator, act: Act) -> None:
    act()
    expect(page.locator(".toast").first).to_be_visible()


def is_kept(page: Page, control: Locator, act: Act) -> None:
    """What is written or chosen is still there after a reload."""
    act()
    before = _state(control)
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    page.evaluate("document.querySelectorAll('#main details').forEach((details) => (details.open = true))")
    assert _state(control) == before, (control, before)


def becomes(script: str) -> Effect:
    """A function of the page is true afterwards, and was not before."""

    def effect(page: Page, control: Locator, act: Act) -> None:
        assert not page.evaluate(script), script
        act()
        _until(page, lambda: page.evaluate(script))

    return effect


def is_sent(submit: str, request: str, name: str) -> Effect:
    """What is written goes along with a request, under its name."""

    def effect(page: Page, control: Locator, act: Act) -> None:
        act()
        with page.expect_request(lambda r: _fits(r, request)) as sent:
            page.locator(submit).first.click()
        assert name in (sent.value.post_data or "")

    return effect


def _fits(request: Any, wanted: str) -> bool:
    method, pattern = wanted.split(" ", 1)
    path = "/" + request.url.split("/", 3)[3]
    return request.method == method and fnmatch(path, pattern)


def _state(control: Locator) -> object:
    return control.evaluate("e => [e.value, e.checked]")


def _until(page: Page, is_so: Callable[[], object], n_tries: int = 200) -> None:
    """Looked at ten times a second. What the service has to make first may wait for what else it makes."""
    for _ in range(n_tries):
        try:
            if is_so():
                return
        except PlaywrightError:  # another page is being loaded
            pass
        page.wait_for_timeout(100)
    raise AssertionError("it never came to be")


def _act(control: Locator) -> None:
    tag, kind = control.evaluate("e => [e.tagName, e.type]")
    if tag == "SELECT":
        values = control.evaluate("e => [...e.options].map(o => o.value)")
        chosen = control.evaluate("e => e.value")
        control.select_option(next((v for v in reversed(values) if v != chosen), chosen))
    elif kind == "number":
        control.fill(control.evaluate("e => String(Math.min(Number(e.max || 1), Math.max(Number(e.min || 1), 1)))"))
    elif kind == "range":
        control.fill(control.evaluate("e => String(Math.round(0.6 * e.max))"))
    elif tag == "TEXTAREA" or (tag == "INPUT" and kind in ("text", "search", "password")):
        is_new_name = control.evaluate("e => e.name === 'name' && e.closest('dialog') !== null")
        control.fill(f"abc{time.monotonic_ns()}" if is_new_name else "abc")  # a name is given once
        control.blur()
    elif control.evaluate("e => e.matches('.skip')"):
        control.press("Enter")
    elif kind in ("radio", "checkbox"):
        control.evaluate("e => e.click()")
    else:
        control.click()


NAMES = "[...document.querySelectorAll('[data-list] h3')].map((e) => e.textContent)"
TEXT = "document.querySelector('#text').value"
AUDIO = "document.querySelector('[data-audio]')"
ELSEWHERE = {  # Controls that need another service, or a long list, and the test that uses them.
    "frame": {"[data-logout]": "test_off_loopback_the_page_asks_for_a_key"},
    "studio": {
        "[data-example]": "test_two_minutes_from_nothing_to_ones_own_voice",
        "[data-pager] button": "test_ten_thousand_jobs_stay_smooth",
    },
    "voices": {
        "[data-dismiss]": "test_a_stopped_clone_can_be_dismissed",
        "[data-pager] button": "test_ten_thousand_jobs_stay_smooth",
    },
    "jobs": {"[data-pager] button": "test_ten_thousand_jobs_stay_smooth"},
    "datasets": {"[data-pager] button": "test_ten_thousand_jobs_stay_smooth"},
    "training": {
        "[data-no-dataset] a, .path a": "test_from_recordings_to_a_chosen_checkpoint",
        "[data-ab-play], [data-vote]": "test_from_recordings_to_a_chosen_checkpoint",
    },
}


def with_recording(page: Page) -> None:
    page.set_input_files("[data-new] [data-file]", DEFAULT_VOICE)


def with_new_voice(page: Page) -> None:
    with_recording(page)
    page.fill("[data-new] [name=name]", "Crawled")
    page.check("[data-new] [name=consent][value=own]")
    page.fill("[data-new] [name=consent_by]", "A test")


def with_spare_voice(page: Page) -> None:
    """First in the list, and part of no blend: a voice that a blend needs is not deleted."""
    service = page.url.partition("/webui")[0]
    values = {"name": "A spare one", "consent": "own", "consent_by": "A test"}
    recording = FilePayload(name="a.flac", mimeType="audio/flac", buffer=DEFAULT_VOICE.read_bytes())
    answer = page.request.post(f"{service}/voices/clone", multipart={**values, "file": recording})
    assert answer.ok, answer.text()
    job = answer.json()["job_id"]
    _until(page, lambda: page.request.get(f"{service}/jobs/{job}").json()["status"] == "completed")
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    first = page.locator("[data-list] > *").filter(has=page.locator("[data-delete]").filter(visible=True)).first
    expect(first.locator("h3")).to_have_text("A spare one")


def with_two_parts(page: Page) -> None:
    page.fill("[data-blend-form] [name=name]", f"Half and half {time.monotonic_ns()}")
    for k in (0, 1):
        page.locator("[data-parts] input").nth(k).fill("5")


def with_builtin(page: Page) -> None:
    page.select_option("[name=model]", "builtin")


def with_xtts(page: Page) -> None:
    page.select_option("[name=model]", "tiny-xtts")


def with_profile_name(page: Page) -> None:
    page.fill("[data-form] [name=name]", f"Crawled {time.monotonic_ns()}")


def with_key_name(page: Page) -> None:
    page.fill("[data-key-form] [name=name]", "a test's")


def with_key(page: Page) -> None:
    with_key_name(page)
    page.click("[data-key-form] button")


def with_nothing_found(page: Page) -> None:
    page.fill("[data-search]", "nothing is called that")


def with_long_job(page: Page) -> str:
    """One that is still under way when it is looked at; it comes into the list by itself."""
    values = {"text": "A sentence that is said over and over. " * 60, "target_language": "en", "voice_id": "default"}
    answer = page.request.post(page.url.partition("/webui")[0] + "/jobs", form=values)
    assert answer.ok, answer.text()
    return str(answer.json()["id"])


def with_cancelled_job(page: Page) -> None:
    job = with_long_job(page)
    assert page.request.post(f"{page.url.partition('/webui')[0]}/jobs/{job}/cancel").ok


def with_nothing_to_do(page: Page) -> None:
    """Jobs that are under way are cancelled: a model in use is not unloaded."""
    service = page.url.partition("/webui")[0]
    for status in ("queued", "processing"):
        for job in page.request.get(f"{service}/jobs?limit=100&status={status}").json()["jobs"]:
            page.request.post(f"{service}/jobs/{job['id']}/cancel")

    def is_idle() -> bool:
        engines = page.request.get(f"{service}/health/engines").json()["engines"]
        return not any(engine["users"] for engine in engines)

    _until(page, is_idle, n_tries=1200)


def with_stopped_run(page: Page) -> None:
    """A run that was just begun may take a while until it sees that it is to stop."""
    service = page.url.partition("/webui")[0]
    _until(page, lambda: page.request.get(f"{service}/training/status").json()["state"] != "running", n_tries=1000)


def with_first_run(page: Page) -> None:
    page.goto(page.url.partition("?")[0] + "?model_name=helena-1")
    page.wait_for_selector("[data-ready]", state="attached")


def with_crawled_dataset(page: Page) -> None:
    page.goto(page.url.partition("?")[0] + "?name=abc")
    page.wait_for_selector("[data-ready]", state="attached")


def with_text(page: Page) -> None:
    page.fill("[data-ab] [name=text]", "Which is which?")


def with_other_side(side: str, value: int) -> Callable[[Page], None]:
    """The other select stands at what this one is not about to choose: two alike are refused."""

    def prepare(page: Page) -> None:
        with_text(page)
        page.select_option(f"[data-ab-{side}]", index=value)

    return prepare


def radio_is_kept(page: Page, control: Locator, act: Act) -> None:
    name = control.get_attribute("name")
    chosen = f"document.querySelector('[name={name}]:checked')?.value"
    page.locator(f"[name={name}]").last.evaluate("e => e.click()")
    before = page.evaluate(chosen)
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    assert page.evaluate(chosen) == before != "default"


ADVANCED = ("[data-advanced] summary",)
FOLD = (".fold:not(.small) summary",)
FORM = "[data-form]"
OF_FLOW = ("nfe_step", "cfg_strength", "sway_sampling_coef")
OF_CODES = ("temperature", "top_k", "top_p", "repetition_penalty", "length_penalty", "retries")


def sent_with_profile(name: str, engine: str = "builtin") -> Control:
    effect = is_sent("[data-form] .primary", "POST /quality-profiles/*", name)
    new = f'[data-key="{engine}"] [data-new]'
    return Control(f"[data-form] [name={name}]", effect, (new,), prepare=with_profile_name)


def sent_with_voice(name: str) -> Control:
    effect = is_sent("[data-edit-form] .primary", "PATCH /voices/*", name)
    return Control(f"[data-edit-form] [name={name}]", effect, ("[data-list] [data-edit]",))


def navs(names: str) -> Iterator[Control]:
    for name in names.split():
        yield Control(f'[data-nav="{name}"]', leads("**/webui" if name == "studio" else f"**/webui/{name}"))


CONTROLS: dict[str, tuple[Control, ...]] = {
    "frame": (
        Control(".skip", becomes("() => location.hash === '#main'")),
        Control(".brand", leads("**/webui")),
        *navs("studio voices datasets training profiles models settings jobs"),
        Control("[data-more]", shows("#more"), width=390),
        Control("#more form button", hides("#more"), ("[data-more]",), 390),
        Control("[data-help]", shows("#shortcuts")),
        Control("#shortcuts button", hides("#shortcuts"), ("[data-help]",)),
        Control("#confirm button", hides("#confirm"), ("[data-delete]",)),
        Control("#download form button", hides("#download"), ("[data-download]",)),
        Control("#download [data-link], [data-link]", downloads, ("[data-download]",)),
        Control("audio-dock [data-play]", becomes(f"() => {AUDIO}.paused"), ("[data-play-job]",)),
        Control("[data-seek]", becomes(f"() => {AUDIO}.currentTime > 0.5 * {AUDIO}.duration"), ("[data-play-job]",)),
        Control("[data-rate]", becomes(f"() => {AUDIO}.playbackRate !== 1"), ("[data-play-job]",)),
        Control("audio-dock [data-close]", hides("audio-dock"), ("[data-play-job]",)),
        Control("[data-language]", becomes("() => document.documentElement.lang === 'pt-BR'")),
    ),
    "studio": (
        Control("#text", is_kept),
        Control("[data-generate]", calls("POST /jobs")),
        Control("[data-insert]", becomes(f"() => {TEXT}.includes('[pause:1s]')")),
        Control("[data-clear]", becomes(f"() => {TEXT} === ''")),
        Control("[data-voice-search]", becomes("() => document.querySelector('.voice-chip[hidden]') !== null")),
        Control("[name=voice_id]", radio_is_kept),
        Control("[data-listen]", plays),
        Control(".voice-picker a", leads("**/webui/voices")),
        Control("[data-languages]", is_kept),
        Control("[data-profiles]", is_kept),
        Control("[data-advanced] summary", shows("[name=speed]")),
        Control("[data-models]", is_kept, ADVANCED),
        *(
            Control(f"[data-advanced] [name={name}]", is_kept, ADVANCED)
            for name in ("speed", "seed", "cross_fade_s", "loudness_lufs", "remove_silence", "normalize")
        ),
        *(Control(f"[data-advanced] [name={name}]", is_kept, ADVANCED, prepare=with_builtin) for name in OF_FLOW),
        *(Control(f"[data-advanced] [name={name}]", is_kept, ADVANCED, prepare=with_xtts) for name in OF_CODES),
        Control("[data-reset]", becomes("() => document.querySelector('[name=speed]').value === ''"), ADVANCED),
        Control(".takes .card-head a", leads("**/webui/jobs")),
        Control("[data-play-take]", plays),
        Control("[data-download]", shows("#download")),
        Control("[data-again]", calls("POST /jobs")),
        Control("[data-vary]", calls("POST /jobs")),
        Control("[data-edit]", becomes(f"() => {TEXT}.length > 1")),
        Control("[data-retry]", calls("POST /jobs/*/retry")),
        Control("[data-cancel]", calls("POST /jobs/*/cancel")),
        Control("[data-delete]", confirms("DELETE /jobs/*")),
    ),
    "voices": (
        Control("[data-record]", shows("[data-meter]")),
        Control("[data-new] [data-choose]", chooses_files),
        Control(".drop summary", shows(".script-hint")),
        Control("[data-new] [name=name]", is_kept),
        Control("[data-new] [name=language]", is_kept),
        Control("[data-new] .fold:not(.small) summary", shows("[data-new] [name=description]")),
        *(Control(f"[data-new] [name={name}]", is_kept, FOLD) for name in ("description", "ref_text", "transcribe")),
        Control("[name=consent]", radio_is_kept),
        Control("[name=consent_by]", is_kept),
        Control("[data-play-clip]", plays, prepare=with_recording),
        Control("[data-drop-clip]", removes("[data-clips] > li"), prepare=with_recording),
        Control("[data-create]", calls("POST /voices/clone"), prepare=with_new_voice),
        Control("[data-search]", becomes(f"() => !{NAMES}.includes('Default')")),
        Control("[data-listen]", plays),
        Control("[data-preview]", plays, prepare=with_nothing_to_do),
        Control("[data-speak]", leads("**/webui")),
        Control("[data-export]", downloads),
        Control("[data-report] summary", unfolds("[data-figures]")),
        Control("[data-edit]", shows("[data-edit-dialog]")),
        *(sent_with_voice(name) for name in ("name", "language", "description", "ref_text")),
        Control("[data-edit-form] .primary", calls("PATCH /voices/*"), ("[data-list] [data-edit]",)),
        Control("[data-edit-form] [data-close-dialog]", hides("[data-edit-dialog]"), ("[data-list] [data-edit]",)),
        Control("[data-blend]", shows("[data-blend-dialog]")),
        Control(
            "[data-blend-form] [name=name]",
            is_sent("[data-mix]", "POST /voices/blend", "name"),
            ("[data-blend]",),
            prepare=with_two_parts,
        ),
        Control(
            ".range",
            becomes("() => document.querySelector('[data-parts] output').textContent !== '–'"),
            ("[data-blend]",),
        ),
        Control("[data-mix]", calls("POST /voices/blend"), ("[data-blend]",), prepare=with_two_parts),
        Control("[data-blend-form] [data-close-dialog]", hides("[data-blend-dialog]"), ("[data-blend]",)),
        Control("[data-import]", chooses_files),
        Control("[data-delete]", confirms("DELETE /voices/*"), prepare=with_spare_voice),
    ),
    "jobs": (
        Control("[data-batch] summary", shows(".batch")),
        Control("[data-batch] [data-choose]", chooses_files, ("[data-batch] summary",)),
        Control("[data-sample]", downloads, ("[data-batch] summary",)),
        Control("[name=status]", calls("GET /jobs?*status=cancelled*"), last=True),
        Control("[data-kind]", calls("GET /jobs?*kind=*")),
        Control("[data-search]", calls("GET /jobs?*q=abc*")),
        Control(".empty a", leads("**/webui"), prepare=with_nothing_found),
        Control("[data-play-job]", plays),
        Control("[data-download]", shows("#download")),
        Control("[data-zip]", downloads),
        Control("[data-retry]", calls("POST /jobs/*/retry"), prepare=with_cancelled_job),
        Control("[data-cancel]", calls("POST /jobs/*/cancel"), prepare=with_long_job),
        Control("[data-details]", shows("[data-details-dialog]")),
        Control("[data-copy]", tells, ("[data-details]",)),
        Control("[data-details-dialog] [data-close-dialog]", hides("[data-details-dialog]"), ("[data-details]",)),
        Control("[data-delete]", confirms("DELETE /jobs/*")),
    ),
    "training": (
        *(
            Control(f"[data-start] [name={name}]", is_kept)
            for name in ("model_name", "dataset_folder", "base", "epochs")
        ),
        Control("[name=method]", radio_is_kept),
        Control("[data-start] .fold summary", shows("[name=batch_size]")),
        *(
            Control(f"[data-start] [name={name}]", is_kept, ("[data-start] .fold summary",))
            for name in (
                "batch_size",
                "learning_rate",
                "rank",
                "max_train_samples",
                "patience",
                "keep_last",
                "sample_text",
            )
        ),
        Control("[data-pick]", calls("GET /training/status*")),
        Control("[data-detail] .fold summary", shows("[data-log]")),
        Control("[data-sample]", plays, prepare=with_first_run),
        Control("[data-reference]", plays, prepare=with_first_run),
        Control("[data-promote]", shows("[data-promote-dialog]"), prepare=with_first_run),
        Control(
            "[data-promote-form] [name=name]",
            is_sent("[data-promote-form] .primary", "POST /training/checkpoints/promote", "abc"),
            ("[data-promote]",),
        ),
        Control("[data-promote-form] [data-close-dialog]", hides("[data-promote-dialog]"), ("[data-promote]",)),
        Control("[data-promote-form] .primary", calls("POST /training/checkpoints/promote"), ("[data-promote]",)),
        Control(
            "[data-ab-a]",
            is_sent("[data-ab] button", "POST /training/inference/ab-test", "base"),
            prepare=with_other_side("b", 0),
        ),
        Control(
            "[data-ab-b]",
            is_sent("[data-ab] button", "POST /training/inference/ab-test", "checkpoint"),
            prepare=with_other_side("a", 1),
        ),
        Control("[data-ab] [name=text]", is_sent("[data-ab] button", "POST /training/inference/ab-test", "abc")),
        Control("[data-ab] button", calls("POST /training/inference/ab-test"), prepare=with_text),
        Control("[data-compare]", calls("POST /training/checkpoints/compare")),
        Control("[data-go]", calls("POST /training/start")),
        Control("[data-stop]", calls("POST /training/stop*")),
        Control("[data-resume]", calls("POST /training/resume"), prepare=with_stopped_run),
    ),
    "datasets": (
        Control("[data-new] [name=name]", is_kept),
        Control("[data-new] [name=language]", is_kept),
        Control("[data-choose]", chooses_files),
        Control("[data-pick]", calls("GET /training/dataset/stats*")),
        Control("[data-which]", calls("GET /training/dataset/clips*kept=*")),
        Control("[data-search]", calls("GET /training/dataset/clips*q=abc*")),
        Control("[data-hear]", plays),
        Control("[data-text]", calls("PATCH /training/dataset/clips/*")),
        Control("[data-toggle]", calls("PATCH /training/dataset/clips/*")),
        Control("[data-step=build]", calls("POST /training/dataset/build")),
        Control("[data-step=segment]", calls("POST /training/dataset/segment")),
        Control("[data-step=transcribe]", calls("POST /training/dataset/transcribe")),
        Control("[data-step=make]", calls("POST /training/dataset/make")),
        Control("[data-cancel]", calls("POST /jobs/*/cancel")),
        Control(
            "[data-forget-file]", becomes("() => !document.querySelector('[data-forget-file]')"), prepare=with_recording
        ),
        Control("[data-upload]", calls("POST /training/dataset/upload"), prepare=with_recording),
        Control("[data-remove]", confirms("DELETE /training/datasets/*"), prepare=with_crawled_dataset),
    ),
    "profiles": (
        Control("[data-new]", shows("[data-dialog]")),
        *(
            sent_with_profile(name)
            for name in (
                "description",
                "nfe_step",
                "cfg_strength",
                "speed",
                "sway_sampling_coef",
                "cross_fade_s",
                "loudness_lufs",
                "remove_silence",
            )
        ),
        *(sent_with_profile(name, "xtts") for name in OF_CODES),
        sent_with_profile("target_rms", "f5"),
        Control(
            "[data-form] [name=name]",
            is_sent("[data-form] .primary", "POST /quality-profiles/*", "abc"),
            ("[data-new]",),
        ),
        Control("[data-form] .primary", calls("POST /quality-profiles/*"), ("[data-new]",), prepare=with_profile_name),
        Control("[data-form] [data-close-dialog]", hides("[data-dialog]"), ("[data-new]",)),
        Control("[data-default]", calls("POST /quality-profiles/*/set-default")),
        Control("[data-copy]", calls("POST /quality-profiles/*/duplicate")),
        Control("[data-edit]", shows("[data-dialog]")),
        Control("[data-delete]", confirms("DELETE /quality-profiles/*")),
    ),
    "models": (
        Control("[data-load]", calls("POST /admin/models/*/load")),
        Control("[data-unload]", calls("POST /admin/models/*/unload"), prepare=with_nothing_to_do),
        Control("[data-pull]", confirms("POST /models/*/pull")),
    ),
    "settings": (
        Control("[data-key-form] [name=name]", is_sent("[data-key-form] button", "POST /admin/keys", "abc")),
        Control(
            "[data-key-form] [name=scope]",
            is_sent("[data-key-form] button", "POST /admin/keys", "admin"),
            prepare=with_key_name,
        ),
        Control("[data-key-form] button", calls("POST /admin/keys"), prepare=with_key_name),
        Control("[data-copy-key]", tells, prepare=with_key),
        Control("[data-revoke]", confirms("DELETE /admin/keys/*")),
        Control("a[href='/openapi.json']", leads("**/openapi.json")),
        Control("[data-forget]", tells),
        Control("[data-keys-switch]", is_kept),
        Control("[data-cleanup='']", calls("POST /admin/cleanup*")),
        Control("[data-cleanup=deep]", confirms("POST /admin/cleanup*confirm=true*")),
    ),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_does_what_it_should(open_page: Open, filled: Any, name: str) -> None:
    page_name = "jobs" if name == "frame" else name
    page = open_page(page_name, at=filled.url, permissions=["clipboard-read", "clipboard-write", "microphone"])
    page.set_default_timeout(SETTLE_MS)
    mapped = [*(c.selector for c in CONTROLS[name]), *ELSEWHERE.get(name, {})]
    inside = ("body", [*mapped, "#main *"]) if name == "frame" else ("#main", mapped)
    assert page.evaluate(UNMAPPED, [INTERACTIVE, *inside]) == []
    failed = {}
    for control in CONTROLS[name]:
        try:
            _use(page, f"{filled.url}/webui/{page_name}", control)
        except Exception as error:  # all are tried, so that one run tells all
            failed[control.selector] = str(error)[:600]
    assert failed == {}, json.dumps(failed, indent=1)


def _use(page: Page, address: str, control: Control) -> None:
    page.set_viewport_size({"width": control.width, "height": 900})
    page.goto(address)
    page.wait_for_selector("[data-ready]", state="attached")
    for selector in control.before:
        _seen(page, selector).click()
    control.prepare(page)
    found = _seen(page, control.selector, last=control.last)
    control.effect(page, found, lambda: _act(found))


def _seen(page: Page, selector: str, last: bool = False) -> Locator:
    """The first of these that can be used, once there is one."""
    usable = page.locator(selector).and_(page.locator(":enabled, a, summary")).filter(visible=True)
    chosen = usable.last if last else usable.first
    expect(chosen).to_be_visible()
    return chosen


def test_what_is_used_elsewhere_is_tested_there() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for of in ELSEWHERE.values() for name in of.values() if f"def {name}(" not in tests] == []
