"""Content for the studio's pictures and tests: voices, takes, a batch, a dataset and a training run, made over HTTP.

Everything is spoken by the built-in voice, so nothing has to be fetched. `fill` takes about a minute on two cores.
"""

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import soundfile

DEFAULT_VOICE = Path(__file__).parents[1] / "src" / "locutor" / "voices" / "presets" / "default.flac"
# Name, language, how much faster the recording is played, and what is said of it.
VOICES = (
    ("Helena, calm", "en", 1.0, "For audiobooks: close, unhurried"),
    ("Marcos", "pt-BR", 0.88, "Avisos e tutoriais"),
    ("June, bright", "en", 1.13, ""),
)
TAKES = (
    ("The last train left at a quarter past nine, and nobody on the platform seemed to mind.", "en", 0),
    ("Bom dia! O café está pronto e a janela já está aberta para o jardim.", "pt-BR", 1),
    ("Turn left after the bakery. Your destination is on the right.", "en", 2),
    ("Once upon a time there was a lighthouse that was afraid of the dark.", "en", 0),
)
LONG = "A sentence that is said over and over. " * 60
SENTENCES = (
    "The ferry was late again this morning.", "Nobody had watered the plants for a week.",
    "Seven small boats came home before dark.", "She kept the letter in a blue tin box.",
    "There is bread, butter and plum jam.", "The clock on the wall is ten minutes slow.",
    "He whistled while the kettle boiled.", "We walked along the river until noon.",
    "The library closes at six on Fridays.", "A light rain fell on the empty square.",
    "My sister plays the cello on Sundays.", "They painted the door a deep green.",
    "The bus stops in front of the bakery.", "Grandfather mends old radios in the attic.",
    "Two geese crossed the frozen pond.", "The last page of the book was missing.",
    "Please leave the window open tonight.", "A yellow kite hung in the oak tree.",
)  # fmt: skip
BATCH = "text,language\nGood morning!,en\nBom dia!,pt-BR\nGuten Morgen!,xx\n"
QUICK = {"nfe_step": "4"}
POLL_S = 0.2


def fill(client: httpx.Client, epochs: int = 3, n_recordings: int = 6, evaluate: bool = True) -> None:
    """Everything below, on a service with nothing in it; evaluate: measure every saved model."""
    voices = add_voices(client)
    jobs = [speak(client, text, language, voices[k]) for text, language, k in TAKES]
    add_batch(client)
    add_profile(client)
    add_dataset(client, "helena", n_recordings)
    train(client, "helena-1", "helena", epochs, evaluate)
    promotion = {"checkpoint": f"helena-1/checkpoint_epoch_{epochs}", "name": "helena"}
    taken(client.post("/training/checkpoints/promote", json=promotion))
    for job in jobs:
        ended(client, job)
    stopped = speak(client, LONG, "en", voices[0])
    taken(client.post(f"/jobs/{stopped}/cancel"))
    ended(client, stopped)


def add_voices(client: httpx.Client) -> list[str]:
    """Ids of VOICES, and then a blend of two."""
    for name, language, faster, description in VOICES:
        values = {"name": name, "language": language, "description": description, "consent": "synthetic"}
        values["consent_by"] = "The studio's makers"
        files = {"file": ("speech.wav", _recording(client, faster))}
        ended(client, taken(client.post("/voices/clone", data=values, files=files))["job_id"])
    found = {voice["name"]: voice["id"] for voice in taken(client.get("/voices"))["voices"]}
    ids = [found[name] for name, *_ in VOICES]
    parts = [{"voice": ids[0], "weight": 6}, {"voice": ids[2], "weight": 4}]
    blend = taken(client.post("/voices/blend", json={"name": "Helena and June", "parts": parts}))
    return [*ids, blend["id"]]


def _recording(client: httpx.Client, faster: float) -> bytes:
    samples, rate = soundfile.read(io.BytesIO(_spoken(client, [" ".join(SENTENCES[:3])])[0]))
    out = io.BytesIO()
    soundfile.write(out, samples, round(rate * faster), format="WAV")
    return out.getvalue()


def speak(client: httpx.Client, text: str, language: str, voice: str) -> str:
    """The id of a job that was queued."""
    values = {"text": text, "target_language": language, "voice_id": voice, "mode": "dubbing_with_clone", **QUICK}
    return str(taken(client.post("/jobs", data=values))["id"])


def add_batch(client: httpx.Client) -> None:
    taken(client.post("/jobs/batch", files={"file": ("greetings.csv", BATCH.encode())}))


def add_profile(client: httpx.Client) -> None:
    parameters = {"nfe_step": 48, "cfg_strength": 2.5, "speed": 0.95, "remove_silence": True}
    body = {"name": "Audiobook", "description": "Slow and careful, pauses shortened", "parameters": parameters}
    taken(client.post("/quality-profiles/builtin", json=body))


def recordings(client: httpx.Client, n: int) -> list[tuple[str, bytes]]:
    """n recordings of two of SENTENCES each, with their transcripts beside them: (name, data)."""
    starts = [2 * k % len(SENTENCES) for k in range(n)]
    texts = [" ".join(SENTENCES[start : start + 2]) for start in starts]
    spoken = zip(texts, _spoken(client, texts), strict=True)
    pairs = [((f"{k:02d}.wav", wav), (f"{k:02d}.txt", text.encode())) for k, (text, wav) in enumerate(spoken)]
    return [file for pair in pairs for file in pair]


def _spoken(client: httpx.Client, texts: Sequence[str]) -> list[bytes]:
    """Texts as WAV files in the default voice; the jobs are deleted again."""
    jobs = [speak(client, text, "en", "default") for text in texts]
    wavs = [client.get(f"/jobs/{job}/download", params={"timeout": 300}).content for job in jobs]
    for job in jobs:
        taken(client.delete(f"/jobs/{job}"))
    return wavs


def add_dataset(client: httpx.Client, name: str, n_recordings: int) -> None:
    """Recordings of SENTENCES, uploaded and taken through every step."""
    files = [("file", file) for file in recordings(client, n_recordings)]
    upload = client.post("/training/dataset/upload", data={"folder": name, "language": "en"}, files=files)
    ended(client, taken(upload)["job_id"])
    ended(client, taken(client.post("/training/dataset/make", json={"folder": name}))["job_id"])


def train(client: httpx.Client, name: str, dataset: str, epochs: int, evaluate: bool) -> None:
    """A run of an adapter, with a saved model and a sample of each epoch."""
    body: dict[str, Any] = {"model_name": name, "dataset_folder": dataset, "epochs": epochs, "method": "lora"}
    taken(
        client.post(
            "/training/start",
            json=body | {"keep_last": epochs, "batch_size": 2, "log_every": 1, "evaluate": evaluate},
        )
    )
    while taken(client.get("/training/status", params={"model_name": name}))["state"] == "running":
        time.sleep(POLL_S)


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    """The job, when it is over."""
    while (found := taken(client.get(f"/jobs/{job}")))["status"] in ("queued", "processing"):
        time.sleep(POLL_S)
    return found


def taken(answer: httpx.Response) -> Any:
    """What the service answered; its words where it refused."""
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer.json()
