"""A dataset of one real speaker, through the pipeline: `python human_dataset.py PACKAGES OUT [--name NAME]`.

Every prompt of debian_speech.py with its script goes in; those whose script the recogniser does not hear, or whose
sound is not good enough, stay out. Writes OUT/NAME (see locutor.datasets.dataset), prints its figures and fails when it
holds less than --min-minutes. Needs the extras `asr` and `codecs`, and resemblyzer.
"""

import argparse
from pathlib import Path

from debian_speech import asterisk_prompts
from locutor.audio import io
from locutor.datasets import (
    BuildOptions,
    DatasetStore,
    Limits,
    MakeOptions,
    Watch,
    load_listeners,
    make,
    read_report,
    stats,
)


def write_recordings(packages: Path, folder: Path, min_s: float) -> int:
    """NAME.wav and NAME.lab of every prompt; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts = asterisk_prompts(packages, min_s)
    for prompt in prompts:
        io.write(folder / f"{prompt.name}.wav", prompt.sound())
        (folder / f"{prompt.name}.lab").write_text(prompt.text + "\n", encoding="utf-8")
    return len(prompts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="human")
    parser.add_argument("--min-clip-s", type=float, default=1.2)
    parser.add_argument("--max-clip-s", type=float, default=20.0)
    parser.add_argument("--min-minutes", type=float, default=10.0)
    parser.add_argument("--val-share", type=float, default=0.15)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    recordings = asked.out / f"{asked.name}-recordings"
    n_prompts = write_recordings(asked.packages, recordings, asked.min_clip_s)
    dataset = DatasetStore(asked.out).create(asked.name, "en")
    options = MakeOptions(
        limits=Limits(min_duration_s=1.0, max_duration_s=asked.max_clip_s),
        build=BuildOptions(val_share=asked.val_share),
    )
    listeners = load_listeners(options.segment, n_threads=asked.threads)
    watch = Watch(lambda step, done, total: print(f"\r{step} {done}/{total}   ", end="", flush=True))
    built = make(dataset, [recordings], listeners, options, watch=watch)
    figures, report = stats(built), read_report(built)
    minutes = figures.duration_s / 60
    print(f"\n{n_prompts} prompts, {figures.n_built} clips, {minutes:.1f} minutes, version {built.version}")
    print(f"train {figures.n_train}, held out {figures.n_val}; left out by {report['by_check']}")
    if minutes < asked.min_minutes:
        raise SystemExit(f"only {minutes:.1f} minutes are left, {asked.min_minutes:g} are needed")


if __name__ == "__main__":
    main()
