"""Does the dataset filter find bad clips and spare good ones? `python benchmarks/dataset_faults.py PACKAGES WORK`.

Good clips: recordings of a person (PACKAGES: see recipes/datasets/debian_speech.py; those of verbatim_prompts.txt,
whose script is what she says), and speech of the built-in voice. Among them the faults of faults.py, --each of a kind
at every strength, made of the same recordings; the second speakers are a LibriVox reader and other synthetic voices.
All go through the pipeline with its default limits. Prints, per kind and strength, how many were dropped and why, and
fails unless at least 95 % of the faults and at most 2 % of the good clips were. Started again with the same WORK, it
goes on where it stopped.
"""

import argparse
import csv
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faults import FAULTS, STRENGTHS, Take, good

from locutor.audio import io
from locutor.audio.edit import trim_silence
from locutor.audio.resample import resample
from locutor.datasets import (
    Dataset,
    DatasetStore,
    Watch,
    filter_clips,
    import_recordings,
    load_listeners,
    segment,
    transcribe,
    validate,
)
from locutor.engines.base import Engine, synthesize
from locutor.evaluation.lists import texts_of
from locutor.types import SpeechRequest, SynthesisOptions

HERE = Path(__file__).parent
ROOT = HERE.parent
RATE = 16_000
MIN_RECALL, MAX_FALSE = 0.95, 0.02


@dataclass(frozen=True)
class Item:
    """A recording of the test. kind: "good" or the fault's."""

    name: str
    kind: str
    strength: int
    speaker: str
    take: Take


def human_takes(packages: Path) -> list[Take]:
    sys.path.insert(0, str(ROOT / "recipes" / "datasets"))
    from debian_speech import asterisk_prompts

    names = set((HERE / "verbatim_prompts.txt").read_text().split())
    return [Take(prompt.sound(), prompt.text) for prompt in asterisk_prompts(packages, 1.5) if prompt.name in names]


def reader_takes(packages: Path) -> list[Take]:
    from debian_speech import librivox_sentences

    return [Take(resample(prompt.sound(), RATE), prompt.text) for prompt in librivox_sentences(packages)]


def synthetic_takes(engine: Engine, reference: Path, texts: Sequence[str], folder: Path) -> list[Take]:
    """The texts in the voice of a recording, kept in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    voice = engine.encode_voice(io.read(reference))
    takes = []
    for seed, text in enumerate(texts):
        path = folder / f"{seed:03d}.wav"
        if not path.is_file():
            options = SynthesisOptions(seed=seed)
            request = SpeechRequest(text=text, language="en", options=options)
            [spoken] = synthesize(engine, [engine.prepare(request, voice)], options)
            io.write(path, resample(trim_silence(spoken), RATE))
        takes.append(Take(io.read(path), text))
    return takes


def spoilt(groups: dict[str, list[Take]], intruders: Sequence[Take], each: int) -> list[Item]:
    """--each recordings of every fault at every strength. The first of a larger number are those of a smaller one."""
    items = []
    everybody = [(speaker, take) for speaker, takes in groups.items() for take in takes]
    for kind, fault in FAULTS.items():
        for strength in STRENGTHS:
            for number in range(each):
                name = f"{kind.replace(' ', '-')}_{strength}_{number:02d}"
                rng = np.random.default_rng(zlib.crc32(name.encode()))
                speaker, take = everybody[int(rng.integers(len(everybody)))]
                others = intruders if kind == "second speaker" else groups[speaker]
                items.append(Item(name, kind, strength, speaker, fault(good(take, rng), strength, others, rng)))
    return items


def unspoilt(groups: dict[str, list[Take]]) -> list[Item]:
    found = []
    for speaker, takes in groups.items():
        for number, take in enumerate(takes):
            name = f"good-{speaker}_{number:03d}"
            found.append(Item(name, "good", 0, speaker, good(take, np.random.default_rng(zlib.crc32(name.encode())))))
    return found


def write_items(items: Sequence[Item], folder: Path) -> Path:
    """NAME.wav of each item and a list of them, as somebody's collection might come."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in items:
        (folder / f"{item.name}.wav").write_bytes(item.take.file())
    path = folder / "clips.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "text", "speaker"])
        writer.writerows([f"{item.name}.wav", item.take.text, item.speaker] for item in items)
    return path


def judge(dataset: Dataset, listed: Path, threads: int, watch: Watch) -> dict[str, str]:
    """Name -> why it was dropped; "" for what was kept."""
    listeners = load_listeners(n_threads=threads)
    sources = import_recordings(dataset, [listed], watch=watch)
    segment(dataset, listeners.vad, listeners.encoder, watch=watch)
    transcribe(dataset, listeners.transcriber, watch=watch)
    filter_clips(dataset, watch=watch)
    names = {source.id: source.name.removesuffix(".wav") for source in sources}
    verdicts = {names[source.id]: f"file: {source.error}" for source in sources if source.error}
    for clip in validate(dataset, watch=watch):
        reasons = "; ".join(f"{problem.check}: {problem.sentence}" for problem in clip.problems) or clip.error or ""
        # A recording is lost when one of its clips is.
        verdicts[names[clip.source]] = verdicts.get(names[clip.source]) or reasons
    return verdicts


def show(items: Sequence[Item], verdicts: dict[str, str]) -> tuple[float, float]:
    """Print the table; returns recall and the share of good clips that were dropped."""
    print(f"{'kind':16} strength  dropped  by")
    for kind in ("good", *FAULTS):
        for strength in STRENGTHS if kind != "good" else (0,):
            these = [item for item in items if (item.kind, item.strength) == (kind, strength)]
            by = Counter(verdicts[item.name].split(":")[0] for item in these if verdicts[item.name])
            shown = ", ".join(f"{check} {n}" for check, n in by.most_common())
            print(f"{kind:16} {strength:8}  {by.total():3}/{len(these):3}  {shown}")
    bad = [item for item in items if item.kind != "good"]
    fine = [item for item in items if item.kind == "good"]
    for item in [*(i for i in fine if verdicts[i.name]), *(i for i in bad if not verdicts[i.name])]:
        print(f"  {item.name}: {verdicts[item.name] or 'kept'}")
    recall = sum(bool(verdicts[item.name]) for item in bad) / len(bad)
    false = sum(bool(verdicts[item.name]) for item in fine) / len(fine)
    print(f"recall {recall:.1%} of {len(bad)} faults; false drops {false:.1%} of {len(fine)} good clips")
    return recall, false


def material(packages: Path, work: Path, n_human: int, n_synthetic: int) -> tuple[dict[str, list[Take]], list[Take]]:
    """The good recordings by speaker, and those of other people."""
    from locutor.engines.builtin.engine import BuiltinEngine

    engine = BuiltinEngine.load("cpu")
    texts = [entry.text for entry in texts_of("en") if entry.kind in ("statement", "question", "number")]
    texts += (HERE / "plain_sentences.txt").read_text().splitlines()
    default = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"
    groups = {
        "human": human_takes(packages)[:n_human],
        "builtin": synthetic_takes(engine, default, texts[:n_synthetic], work / "builtin"),
    }
    intruders = reader_takes(packages)
    for number in (1, 4, 6, 8):
        reference = ROOT / "tests" / "clips" / f"voice_{number:02d}.ogg"
        intruders += synthetic_takes(engine, reference, texts[number::12], work / f"other{number}")
    return groups, intruders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--each", type=int, default=20, help="recordings of every fault at every strength")
    parser.add_argument("--human", type=int, default=140, help="good recordings of the person")
    parser.add_argument("--synthetic", type=int, default=65, help="good recordings of the built-in voice")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    groups, intruders = material(asked.packages, asked.work / "material", asked.human, asked.synthetic)
    items = [*unspoilt(groups), *spoilt(groups, intruders, asked.each)]
    listed = write_items(items, asked.work / "recordings")
    dataset = DatasetStore(asked.work).create("faults", "en")
    watch = Watch(lambda step, done, total: print(f"\r{step} {done}/{total}   ", end="", file=sys.stderr, flush=True))
    recall, false = show(items, judge(dataset, listed, asked.threads, watch))
    if recall < MIN_RECALL or false > MAX_FALSE:
        raise SystemExit(f"not good enough: recall at least {MIN_RECALL:.0%}, false drops at most {MAX_FALSE:.0%}")


if __name__ == "__main__":
    main()
