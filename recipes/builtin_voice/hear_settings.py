"""How a solve's settings sound: `python hear_settings.py FOLDER [NAME=VALUE,... ...]`, one line for each setting.

NAME: nfe_step, cfg_strength, or a constant of engines/builtin/solve.py (NOISE, GUIDED_UNTIL, RESCALED).
What is not named keeps its default, and "-" names nothing. Two English sentences, of no test list, are spoken in the
voice of every recording of FOLDER; printed are the means, of people and of synthetic voices (files named voice_*), of
the similarity to the own recording, its margin over the nearest other, and the predicted MOS.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from locutor.analysis.mos import DistillMos
from locutor.analysis.speaker import LstmSpeakerEncoder, similarity
from locutor.audio.io import read
from locutor.engines.base import synthesize
from locutor.engines.builtin import solve
from locutor.engines.builtin.engine import BuiltinEngine
from locutor.types import SpeechRequest, SynthesisOptions

TEXTS = (
    "The meeting starts at noon, so please bring your notes and a pen.",
    "If you want to leave a message, please speak slowly after the tone.",
)
OPTIONS = {"nfe_step": int, "cfg_strength": float}


@dataclass(frozen=True)
class Setting:
    options: Mapping[str, float]
    constants: Mapping[str, float]


def parse(argument: str) -> Setting:
    pairs = [] if argument == "-" else [part.split("=") for part in argument.split(",")]
    options = {name: OPTIONS[name](value) for name, value in pairs if name in OPTIONS}
    constants = {name: float(value) for name, value in pairs if name not in OPTIONS}
    if strangers := [name for name in constants if not isinstance(getattr(solve, name, None), float)]:
        raise SystemExit(f"no such setting: {', '.join(strangers)}")
    return Setting(options, constants)


def main() -> None:
    engine, encoder, mos = BuiltinEngine.load(), LstmSpeakerEncoder(), DistillMos()
    recordings = {path.stem: read(path) for path in sorted(Path(sys.argv[1]).iterdir())}
    own = {name: encoder.embed(audio) for name, audio in recordings.items()}
    voices = {name: engine.encode_voice(audio) for name, audio in recordings.items()}
    defaults = dict(vars(solve))
    for argument in sys.argv[2:] or ["-"]:
        setting = parse(argument)
        vars(solve).update(defaults | setting.constants)
        heard: dict[str, list[tuple[float, float, float]]] = {"people": [], "synthetic": []}
        for name, voice in voices.items():
            for seed, text in enumerate(TEXTS):
                options = SynthesisOptions(seed=100 + seed, **setting.options)  # type: ignore[arg-type]
                request = SpeechRequest(text=text, language="en", options=options)
                (audio,) = synthesize(engine, [engine.prepare(request, voice)], options)
                made = encoder.embed(audio)
                nearest = max(similarity(made, other) for key, other in own.items() if key != name)
                alike = similarity(made, own[name])
                kind = "synthetic" if name.startswith("voice_") else "people"
                heard[kind].append((alike, alike - nearest, mos.predict(audio)))
        means = {kind: np.mean(rows, axis=0) for kind, rows in heard.items() if rows}
        told = "; ".join(f"{kind} {a:.3f} {margin:.3f} {m:.2f}" for kind, (a, margin, m) in means.items())
        print(f"{argument}: {told}", flush=True)


if __name__ == "__main__":
    main()
