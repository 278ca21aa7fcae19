"""Speak the reference clips of unseen synthetic voices: `python references.py OUT_DIR [SEED ...]`.

Environment as synthesise.py. One clip a seed of 5 to 9 s, English and Portuguese in turn, as FLAC, with its transcript.
Seeds from 900,000,000 on are kept for tests: no training run draws them.
"""

import gzip
import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import soundfile

from synthesise import Synthesizer
from voices import draw_wide

FIRST_SEED = 900_000_000


def main() -> None:
    out = Path(sys.argv[1])
    seeds = [int(s) for s in sys.argv[2:]] or list(range(FIRST_SEED, FIRST_SEED + 12))
    out.mkdir(parents=True, exist_ok=True)
    with gzip.open(os.environ["CORPUS"], "rt", encoding="utf8") as f:
        rows = [row for row in map(json.loads, f) if 90 <= len(row[1]) <= 130 and row[1].endswith(".")]
    random.Random(5).shuffle(rows)
    synthesizer = Synthesizer()
    for i, seed in enumerate(seeds):
        language = ("en", "pt-BR")[i % 2]
        _, text, phonemes = [row for row in rows if row[0] == language][i]
        speaker = draw_wide(seed, synthesizer.voices)
        clip = synthesizer.clip(speaker, synthesizer.pitch_scale(speaker, phonemes, language), phonemes, language)
        assert clip is not None
        name = f"voice_{seed - FIRST_SEED:02d}"
        soundfile.write(out / f"{name}.flac", clip.samples.astype(np.int16), 24_000)
        facts = {"seed": seed, "language": language, "text": text, "pitch_hz": round(speaker.pitch_hz)}
        (out / f"{name}.json").write_text(json.dumps(facts, ensure_ascii=False) + "\n")
        print(name, facts, f"{len(clip.samples) / 24_000:.1f} s", flush=True)


if __name__ == "__main__":
    main()
