"""What people chose and wrote stays theirs, whatever is loaded anew, and what is shown belongs to what is chosen."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300, func_only=True)]

Open = Callable[..., Page]
ROOT = Path(__file__).parents[2]
DEFAULT_VOICE = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"
N_TAKES, N_CLIPS, N_VOICES = 13, 41, 5  # one more than a page holds, and enough voices to search among
LIB = "${document.documentElement.dataset.static}/js"
LONG_NAME = "W" * 120 + ".wav"
# What the studio never gets from a small service: two runs, each with a checkpoint of its own.
RUN = {"dataset": "long", "base": "builtin", "method": "lora", "epoch": 1, "total_epochs": 1, "updated_at": None}
STATUS = {
    "state": "completed", "message": "", "error": None, "epoch": 1, "total_epochs": 1, "step": 1, "total_steps": 1,
    "loss": None, "left_s": None, "progress": 100,
}  # fmt: skip
CHECKPOINT = {
    "name": "checkpoint_epoch_1", "epoch": 1, "stands_for": [], "held_out_loss": None, "figures": None,
    "best_because": None, "size_mb": 1,
}  # fmt: skip
SPOKEN = {"finetuned_audio": "/a.wav", "base_audio": "/b.wav", "figures": {"finetuned": {}, "base": {}}}
JOB = {"id": "job_x", "status": "processing", "progress": 10, "message": "", "result": None, "error_message": None}


@pytest.fixture(scope="module")
def service(
    benchmark: ModuleType, make_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a service with lists that are one entry longer than a page, and two datasets."""
    data_dir = tmp_path_factory.mktemp("kept")
    benchmark.write_long_lists(data_dir, N_TAKES, N_CLIPS, N_VOICES)
    made = make_server(data_dir)
    try:
        made.start()
        with httpx.Client(base_url=made.url, timeout=60) as client:
            files = {"file": ("a.flac", DEFAULT_VOICE.read_bytes())}
            client.post("/training/dataset/upload", data={"folder": "other"}, files=files).raise_for_status()
            while len(client.get("/training/datasets").json()["datasets"]) < 2:
                pass
        yield made.url
    finally:
        made.kill()


def refresh(page: Page) -> None:
    """As when the service comes back."""
    page.evaluate("document.querySelector('#main > *').refresh()")


def answer(page: Page, pattern: str, body: object) -> None:
    page.route(pattern, lambda route: route.fulfill(json=body))


@pytest.mark.parametrize(
    ("name", "selector"),
    [
        ("studio", "[name=target_language]"),
        ("voices", "[data-new] [name=language]"),
        ("datasets", "[data-new] [name=language]"),
    ],
)
def test_a_language_outlasts_what_is_loaded_anew(open_page: Open, service: str, name: str, selector: str) -> None:
    page = open_page(name, at=service)
    page.select_option(selector, "pt-BR")
    refresh(page)
    expect(page.locator(selector)).to_have_value("pt-BR")
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    expect(page.locator(selector)).to_have_value("pt-BR")


def test_a_model_outlasts_what_is_loaded_anew(open_page: Open, service: str) -> None:
    page = open_page("training", at=service)
    models = [{"id": name, "installed": True, "engine": "builtin"} for name in ("builtin", "mine")]
    answer(page, "**/models", {"models": models})
    answer(page, "**/training/datasets", {"datasets": [{"name": n, "has_metadata": True, "files": 1} for n in "ab"]})
    refresh(page)
    page.select_option("[name=base]", "mine")
    page.select_option("[name=dataset_folder]", "b")
    expect(page.locator("[name=dataset_folder] option").first).to_have_text("a · 1 clip")
    refresh(page)
    expect(page.locator("[name=base]")).to_have_value("mine")
    expect(page.locator("[name=dataset_folder]")).to_have_value("b")


def test_a_changed_description_changes_no_language(open_page: Open, service: str) -> None:
    page = open_page("voices", at=service)
    page.select_option("[data-new] [name=language]", "pt-BR")
    page.reload()  # so that the draft says so too
    page.wait_for_selector("[data-ready]", state="attached")
    page.locator("[data-list] [data-edit]:visible").first.click()
    refresh(page)
    page.fill("[data-edit-form] [name=description]", "Warm")
    page.wait_for_timeout(300)
    with page.expect_request(lambda r: r.method == "PATCH") as sent:
        page.click("[data-edit-form] .primary")
    assert sent.value.post_data_json["language"] == "en"


def correct(page: Page, text: str) -> Locator:
    """Write it into the first clip."""
    clip = page.locator("[data-clips] > li").first
    clip.locator("[data-text]").fill(text)
    clip.locator("[data-text]").press("Enter")
    return clip


def test_a_transcript_waits_for_the_service(open_page: Open, service: str) -> None:
    page = open_page("datasets?name=long", at=service, allow=("net::ERR_",))
    page.route("**/training/dataset/clips/*", lambda route: route.abort())
    clip = correct(page, "What was said indeed.")
    expect(clip.locator("[data-f=facts]")).to_contain_text("not saved yet")
    refresh(page)
    page.wait_for_timeout(500)
    expect(clip.locator("[data-text]")).to_have_value("What was said indeed.")
    page.unroute("**/training/dataset/clips/*")
    page.reload()
    clip = page.locator(f"[data-clips] > li[data-key='{clip.get_attribute('data-key')}']")
    expect(clip.locator("[data-f=facts]")).to_contain_text("edited")
    expect(clip.locator("[data-f=facts]")).not_to_contain_text("not saved yet")
    assert "What was said indeed." in httpx.get(f"{service}/training/dataset/clips?name=long&q=indeed").text


def test_a_refused_transcript_stays_in_its_field(open_page: Open, service: str) -> None:
    page = open_page("datasets?name=long", at=service, allow=("status of 422",))
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.method)
        route.fulfill(status=422, json={"detail": "no such words"})

    page.route("**/training/dataset/clips/*", refuse)
    clip = correct(page, "Refused words.")
    expect(page.locator(".toast").last).to_contain_text("no such words")
    refresh(page)
    page.wait_for_timeout(500)
    expect(clip.locator("[data-text]")).to_have_value("Refused words.")
    expect(clip.locator("[data-f=facts]")).to_contain_text("not saved yet")
    assert asked == ["PATCH"], "it is not asked for again and again"


def with_two_runs(page: Page) -> None:
    runs = [RUN | {"model_name": name, "job_id": name, "state": "completed"} for name in ("one", "two")]
    answer(page, "**/training/runs", {"runs": runs})
    answer(page, "**/training/status?*", STATUS)
    answer(page, "**/training/logs?*", {"logs": ""})
    answer(page, "**/training/samples?*", [])

    def checkpoints(route: Route) -> None:
        run = route.request.url.rpartition("=")[2]
        route.fulfill(json=[CHECKPOINT | {"path": f"{run}/checkpoint_epoch_1"}])

    page.route("**/training/checkpoints?*", checkpoints)


def test_a_blind_test_belongs_to_its_run(open_page: Open, service: str) -> None:
    page = open_page("training", at=service)
    with_two_runs(page)
    answer(page, "**/training/inference/ab-test", {"job_id": "job_x"})
    answer(page, "**/training/inference/ab-test/job_x", SPOKEN)
    answer(page, "**/jobs/job_x", JOB | {"status": "completed"})
    refresh(page)
    choice, one, two = page.locator("[data-ab-choice]"), page.locator("[data-ab-a]"), page.locator("[data-ab-b]")
    expect(one).to_have_value("one/checkpoint_epoch_1")
    page.fill("[data-ab] [name=text]", "Which is which?")
    page.click("[data-ab] button")
    expect(choice).to_be_visible()
    page.click("[data-runs] [data-key=two] [data-pick]")
    expect(one).to_have_value("two/checkpoint_epoch_1")
    expect(two).to_have_value("two/base")
    expect(choice).to_be_hidden()
    page.click("[data-runs] [data-key=one] [data-pick]")
    expect(choice).to_be_visible()
    page.click("[data-vote='0']")
    expect(page.locator("[data-ab-result]")).to_contain_text("one/")
    page.click("[data-runs] [data-key=two] [data-pick]")
    expect(page.locator("[data-ab-result]")).to_be_hidden()
    expect(page.locator("[data-votes]")).to_be_empty()
    assert page.evaluate("JSON.parse(localStorage.getItem('locutor.votes')).map((vote) => vote.run)") == ["one"]


def test_the_first_checkpoint_is_compared_with_what_it_began_with(open_page: Open, service: str) -> None:
    page = open_page("training", at=service)
    with_two_runs(page)
    page.route("**/training/checkpoints?*", lambda route: route.fulfill(json=[]), times=1)
    refresh(page)
    expect(page.locator("[data-ab-a]")).to_have_value("one/base")
    refresh(page)
    expect(page.locator("[data-ab-a]")).to_have_value("one/checkpoint_epoch_1")
    expect(page.locator("[data-ab-b]")).to_have_value("one/base")


def test_a_checkpoint_is_not_compared_with_itself(open_page: Open, service: str) -> None:
    page = open_page("training", at=service)
    with_two_runs(page)
    refresh(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "ab-test" in request.url else None)
    page.select_option("[data-ab-a]", "one/base")
    page.fill("[data-ab] [name=text]", "Which is which?")
    page.click("[data-ab] button")
    expect(page.locator(".toast")).to_have_text("Choose two different ones.")
    assert asked == []


def test_a_list_goes_back_when_its_last_page_is_gone(open_page: Open, service: str) -> None:
    page = open_page("studio", at=service)
    page.click("[data-pager-on]")
    expect(page.locator(".take")).to_have_count(1)
    page.locator("[data-delete]").click()
    page.click("#confirm [data-yes]")
    expect(page.locator(".take")).to_have_count(N_TAKES - 1)


def test_a_new_take_is_seen_from_a_later_page(open_page: Open, service: str) -> None:
    """Made with numbers left as they are; so it is when it is brought back into the form, and made again."""
    page = open_page("studio", at=service)
    for k in range(2):  # however many are left
        httpx.post(f"{service}/jobs", data={"text": f"One {k}.", "target_language": "en", "nfe_step": 1})
    page.reload()
    page.click("[data-pager-on]")
    expect(page.locator("[data-pager-where]")).to_contain_text("13 to")
    page.evaluate("document.querySelector('[data-advanced]').open = true")
    page.fill("#text", "Seen at once: 12.")
    page.fill("[name=nfe_step]", "1")
    page.uncheck("[name=normalize]")
    page.click("[data-generate]")
    take = page.locator(".take").first
    expect(take.locator("[data-f=text]")).to_have_text("Seen at once: 12.")
    expect(page.locator("[data-pager-where]")).to_contain_text("1 to 12")
    expect(take.locator("[data-again]")).to_be_visible(timeout=60_000)
    page.check("[name=normalize]")
    take.locator("[data-edit]").click()
    expect(page.locator("[name=normalize]")).not_to_be_checked()
    with page.expect_request(lambda r: r.method == "POST" and r.url.endswith("/jobs")) as sent:
        take.locator("[data-again]").click()
    assert "normalize=false" in sent.value.post_data


def test_the_only_voice_keeps_its_name(open_page: Open, service: str) -> None:
    page = open_page("studio", at=service)
    told = page.evaluate(
        """async () => {
          const { putValues } = await import(`LIB/lib/page.js`);
          const form = document.createElement("form");
          const field = document.createElement("input");
          form.append(Object.assign(field, { type: "radio", name: "voice_id", value: "ana" }));
          const put = (voice_id) => (putValues(form, { voice_id }), [field.value, field.checked]);
          return [put("ben"), put("ana")];
        }""".replace("LIB", LIB)
    )
    assert told == [["ana", False], ["ana", True]]


def test_a_step_belongs_to_its_dataset(open_page: Open, service: str) -> None:
    page = open_page("datasets?name=long", at=service)
    job: dict[str, Any] = dict(JOB)
    answer(page, "**/training/dataset/build", {"job_id": "job_x"})
    page.route("**/jobs/job_x", lambda route: route.fulfill(json=job))
    answer(page, "**/jobs/job_x/cancel", job)
    detail = page.locator("[data-detail]")
    bar, build, wrong = detail.locator(".bar"), detail.locator("[data-step=build]"), detail.locator("[data-wrong]")
    build.click()
    expect(bar).to_be_visible()
    expect(build).to_be_disabled()
    page.click("[data-list] [data-key=other] [data-pick]")
    expect(detail.locator("[data-f=title]")).to_have_text("other")
    expect(bar).to_be_hidden()
    expect(build).to_be_enabled()
    page.click("[data-list] [data-key=long] [data-pick]")
    expect(bar).to_be_visible()
    with page.expect_request("**/jobs/job_x/cancel"):
        detail.locator("[data-cancel]").click()
    page.click("[data-list] [data-key=other] [data-pick]")
    expect(bar).to_be_hidden()
    job |= {"status": "failed", "error_message": "no room"}
    page.evaluate(f"import(`{LIB}/lib/events.js`).then(({{ live }}) => live.dispatchEvent(new Event('up')))")
    page.wait_for_timeout(500)
    expect(wrong).to_be_hidden()
    page.click("[data-list] [data-key=long] [data-pick]")
    expect(wrong).to_contain_text("no room")
    expect(build).to_be_enabled()


def test_a_step_that_was_begun_elsewhere_is_seen_on_choosing(open_page: Open, service: str) -> None:
    page = open_page("datasets?name=long", at=service)
    answer(page, "**/jobs?limit=50*", {"total": 1, "jobs": [JOB | {"subject": "other"}]})
    answer(page, "**/jobs/job_x", JOB)
    expect(page.locator("[data-detail] .bar")).to_be_hidden()
    page.click("[data-list] [data-key=other] [data-pick]")
    expect(page.locator("[data-detail] .bar")).to_be_visible()


def test_two_clicks_send_a_dataset_once(open_page: Open, service: str) -> None:
    page = open_page("datasets", at=service)
    held: list[Route] = []
    page.route("**/training/dataset/upload", lambda route: held.append(route))
    answer(page, "**/jobs/job_x", JOB)
    recording = FilePayload(name="a.flac", mimeType="audio/flac", buffer=DEFAULT_VOICE.read_bytes())
    page.set_input_files("[data-new] [data-file]", [recording])
    page.fill("[data-new] [name=name]", "third")
    page.click("[data-upload]")
    expect(page.locator("[data-upload]")).to_be_disabled()
    page.set_input_files("[data-new] [data-file]", [recording | {"name": "later.flac"}])
    page.press("[data-new] [name=name]", "Enter")
    page.wait_for_timeout(300)
    assert len(held) == 1
    held[0].fulfill(json={"job_id": "job_x"})
    expect(page.locator("[data-files] > li")).to_have_count(1)
    expect(page.locator("[data-files] > li")).to_contain_text("later.flac")
    expect(page.locator("[data-detail] [data-f=title]")).to_have_text("third")
    expect(page.locator("[data-clips] > li")).to_have_count(0)


def test_figures_of_a_recording_keep_their_labels(open_page: Open, service: str) -> None:
    page = open_page("voices", at=service)
    page.set_input_files("[data-new] [data-file]", DEFAULT_VOICE)
    labels = page.locator("[data-clips] [data-figures] dt")
    expect(labels.first).to_have_text("Length")
    refresh(page)
    page.wait_for_timeout(300)
    expect(labels.first).to_have_text("Length")


def test_forgotten_drafts_take_their_recordings_along(open_page: Open, service: str) -> None:
    page = open_page("voices", at=service)
    page.set_input_files("[data-new] [data-file]", DEFAULT_VOICE)
    expect(page.locator("[data-clips] dt").first).to_be_visible()
    page.reload()
    expect(page.locator("[data-clips] > li")).to_have_count(1)
    page.click('[data-nav="settings"]')
    page.click("[data-forget]")
    expect(page.locator(".toast")).to_have_text("Forgotten.")
    page.click('[data-nav="voices"]')
    page.wait_for_selector("voices-page[data-ready]")
    page.wait_for_timeout(500)
    expect(page.locator("[data-clips] > li")).to_have_count(0)


def test_long_names_do_not_stick_out(open_page: Open, service: str) -> None:
    page = open_page("voices", at=service, viewport={"width": 360, "height": 800})
    wide = "document.documentElement.scrollWidth > window.innerWidth"
    recording = FilePayload(name=LONG_NAME, mimeType="audio/flac", buffer=DEFAULT_VOICE.read_bytes())
    page.set_input_files("[data-new] [data-file]", [recording])
    expect(page.locator("[data-clips] dt").first).to_be_visible()
    assert not page.evaluate(wide)
    page.goto(f"{service}/webui/datasets")
    page.wait_for_selector("[data-ready]", state="attached")
    page.set_input_files("[data-new] [data-file]", [recording])
    assert not page.evaluate(wide)
    title = json.dumps(f"Delete {LONG_NAME}?")
    page.evaluate(f"import(`{LIB}/lib/notify.js`).then(({{ confirmed }}) => void confirmed({title}, {title}, 'Yes'))")
    expect(page.locator("#confirm")).to_be_visible()
    assert not page.evaluate(
        "[...document.querySelectorAll('dialog[open]')].some((d) => d.scrollWidth > d.clientWidth)"
    )


def test_enter_in_the_search_for_a_voice_sends_nothing(open_page: Open, service: str) -> None:
    page = open_page("studio", at=service)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.fill("#text", "Not yet.")
    page.fill("[data-voice-search]", "voice 1")
    page.press("[data-voice-search]", "Enter")
    page.wait_for_timeout(300)
    assert asked == []


def test_a_button_shows_that_it_can_pause(open_page: Open, service: str) -> None:
    page = open_page("voices", at=service)
    button = page.locator("[data-list] [data-listen]:visible").first
    expect(button.locator(".when-playing")).to_be_hidden()
    button.click()
    expect(button.locator(".when-playing")).to_be_visible()
    expect(button.locator(".when-paused")).to_be_hidden()


def test_what_cannot_be_played_is_told_once(open_page: Open, service: str) -> None:
    page = open_page("voices", at=service, allow=("status of 404",))
    play = f"import(`{LIB}/elements/audio-dock.js`).then(({{ play }}) => play({{ url: '/nowhere.wav', title: 'x' }}))"
    for _ in range(2):
        page.evaluate(play)
        page.wait_for_timeout(500)
    expect(page.locator(".toast").first).to_contain_text("cannot be played")
    assert all("cannot be played" in text for text in page.locator(".toast p").all_text_contents())
