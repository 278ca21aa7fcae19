"""Kokoro's voices in one file: `python style_vectors.py FOLDER OUT.npz`.

Environment: MODEL and VOCAB as synthesise.py.

FOLDER holds NAME.bin, (510, 256) float32 each, as the npm package kokoro-js brings them (Apache-2.0). Every voice
speaks a sentence, for its mean F0.
"""

import os
import sys
from pathlib import Path

import numpy as np
import torch

from kokoro import Kokoro, read_vocab

PHONEMES = "ju wˈɔnt tə lˈiv ɐ mˈɛsɪdʒ, plˈiz spˈik slˈoʊli ˈæftɚ ðə tˈoʊn."


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    vocab = read_vocab(os.environ["VOCAB"])
    ids = [vocab[p] for p in PHONEMES if p in vocab]
    kokoro = Kokoro(os.environ["MODEL"], os.environ.get("DEVICE", "cpu"))
    names, styles, pitches = [], [], []
    for path in sorted(folder.glob("*.bin")):
        style = np.fromfile(path, np.float32).reshape(510, 256)
        kokoro(ids, torch.from_numpy(style[len(ids) - 1]), 1.0)
        names.append(path.stem)
        styles.append(style.astype(np.float16))
        pitches.append(kokoro.pitch_mean)
        print(path.stem, f"{kokoro.pitch_mean:.0f} Hz", flush=True)
    np.savez(out, names=np.array(names), styles=np.stack(styles), pitch_hz=np.array(pitches))


if __name__ == "__main__":
    main()
