"""OpenAI's speech API: formats, streams, names, and refusals in OpenAI's form."""

import base64
import json

import numpy as np
import pytest
from fastapi.testclient import TestClient

from locutor.audio import io
from locutor.voices.aliases import VOICE_ALIASES

FORMATS = ["wav", "mp3", "flac", "opus", "ogg", "pcm", "aac", "m4a"]
LONG = "One sentence for a start. " * 12


def say(client: TestClient, **body: object) -> bytes:
    answer = client.post("/v1/audio/speech", json={"input": "Good morning!", "voice": "alloy", "seed": 1, **body})
    assert answer.status_code == 200, answer.text
    return answer.content


def refused(client: TestClient, status: int, **body: object) -> str:
    answer = client.post("/v1/audio/speech", json={"input": "Good morning!", "voice": "alloy", **body})
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return str(error["message"])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("stream", [True, False])
def test_every_format_holds_the_same_speech(client: TestClient, format: str, stream: bool) -> None:
    data = say(client, response_format=format, stream=stream)
    n_samples = len(data) // 2 if format == "pcm" else io.decode(data).n_samples
    rate = 24_000 if format == "pcm" else io.decode(data).sample_rate
    assert n_samples / rate == pytest.approx(13 * 100 / 8000, abs=0.3 if format in ("mp3", "aac", "m4a") else 0.02)


def test_the_content_type_is_that_of_the_format(client: TestClient) -> None:
    body = {"input": "Hello", "voice": "alloy"}
    assert client.post("/v1/audio/speech", json=body).headers["content-type"] == "audio/mpeg"
    flac = client.post("/v1/audio/speech", json=body | {"response_format": "flac"})
    assert flac.headers["content-type"] == "audio/flac"


def test_the_same_seed_gives_the_same_audio_streamed_or_not(client: TestClient) -> None:
    streamed = say(client, input=LONG, response_format="pcm")
    assert streamed == say(client, input=LONG, response_format="pcm")
    assert streamed != say(client, input=LONG, response_format="pcm", seed=2)


def test_events_carry_the_audio_and_an_end(client: TestClient) -> None:
    answer = client.post(
        "/v1/audio/speech",
        json={"input": LONG, "voice": "alloy", "seed": 1, "response_format": "pcm", "stream_format": "sse"},
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["input_tokens"] == len(LONG) and events[-1]["usage"]["output_tokens"] > 0
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == say(client, input=LONG, response_format="pcm")


def test_a_whole_file_comes_with_its_recipe(client: TestClient) -> None:
    body = {"input": "Olá!", "voice": {"id": "default"}, "language": "pt", "stream": False, "response_format": "wav"}
    answer = client.post("/v1/audio/speech", json=body)
    recipe = json.loads(answer.headers["X-Locutor-Recipe"])
    assert recipe["model"] == "tones" and recipe["language"] == "pt-BR" and recipe["options"]["seed"] >= 0
    again = say(
        client, input="Olá!", language="pt", seed=recipe["options"]["seed"], stream=False, response_format="wav"
    )
    assert again == answer.content


def test_openai_names_stand_for_models_and_voices(client: TestClient) -> None:
    ids = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert ids[:2] == ["builtin", "tones"] and {"tts-1", "tts-1-hd", "gpt-4o-mini-tts"} <= set(ids)
    assert client.get("/v1/models/tts-1").json()["alias_of"] == "tones"
    voices = {voice["id"]: voice for voice in client.get("/v1/audio/voices").json()["voices"]}
    assert set(VOICE_ALIASES) | {"default"} == set(voices) and len(VOICE_ALIASES) == 13
    for name in VOICE_ALIASES:
        assert say(client, voice=name, response_format="pcm") == say(client, voice="default", response_format="pcm")


def test_a_script_has_several_voices_and_pauses(client: TestClient) -> None:
    script = "Good morning! [pause:1s] [voice:nova] Good morning! [voice:default] Bye."
    plain = len(say(client, input="Good morning! Good morning! Bye.", response_format="pcm")) / 2 / 24_000
    whole = len(say(client, input=script, response_format="pcm")) / 2 / 24_000
    assert whole - plain == pytest.approx(1, abs=0.5)
    message = refused(client, 404, input="[voice:Bob] Hi. [voice:Eve] Hi.")
    assert "'Bob'" in message and "'Eve'" in message
    assert "is no pause" in refused(client, 400, input="Hi. [pause:soon] Hi.")
    assert "only tags" in refused(client, 422, input="[pause:1s]")


def test_what_is_asked_for_reaches_the_engine(client: TestClient) -> None:
    fixed = say(client, fix_duration_s=2, response_format="pcm", stream=False)
    assert len(fixed) / 2 == pytest.approx(2 * 24_000, rel=0.01)
    quiet = np.frombuffer(say(client, loudness_lufs=-30, response_format="pcm", stream=False), "<i2")
    loud = np.frombuffer(say(client, loudness_lufs=-20, response_format="pcm", stream=False), "<i2")
    assert np.abs(loud.astype(float)).mean() > 2 * np.abs(quiet.astype(float)).mean()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, {"voice": "nobody"}, "no voice is called 'nobody'; near it: "),
        (404, {"model": "gpt-9"}, "no model is called 'gpt-9'"),
        (404, {"quality_profile": "none"}, "there is no quality profile 'none'"),
        (400, {"quality_profile": "f5tts_fast"}, "is for engine 'f5', the model's is 'tone'"),
        (400, {"language": "klingon"}, "unknown language 'klingon'"),
        (400, {"language": "fr", "normalize": False}, "does not speak fr"),
        (422, {"input": "..."}, "nothing to speak"),
        (422, {"input": ""}, "input: String should have at least 1 character"),
        (422, {"input": "a" * 50_001}, "the text has 50001 characters; this service takes at most 50000"),
        (422, {"speed": 9}, "speed: Input should be less than or equal to 2"),
        (422, {"response_format": "wma"}, "response_format: Input should be"),
        (422, {"sede": 1}, "sede: Extra inputs are not permitted"),
        (503, {"input": "FAIL now", "normalize": False}, "cannot say 'FAIL now'"),
    ],
)
def test_refusals_are_sentences_in_openais_form(
    client: TestClient, status: int, body: dict[str, object], message: str
) -> None:
    assert message in refused(client, status, **body)


def test_a_fault_of_ours_tells_no_secret(client: TestClient) -> None:
    answer = client.post("/v1/audio/speech", json={"input": "CRASH here", "voice": "alloy", "normalize": False})
    assert answer.status_code in (500, 503)
    assert "a bug" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["X-Request-ID"]
