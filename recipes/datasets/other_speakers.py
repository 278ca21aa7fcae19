"""Recordings of other people in the same channel, for the margin over them: `python other_speakers.py PACKAGES OUT`.

PACKAGES as debian_speech.py has it, with asterisk-core-sounds-fr-g722, asterisk-core-sounds-ru-g722 and
pocketsphinx-testdata. Writes OUT/NAME.wav of each, about 40 s.
"""

import argparse
from pathlib import Path

from debian_speech import decode_g722, librivox_sentences
from locutor.audio import io
from locutor.audio.edit import join
from locutor.audio.resample import resample
from locutor.types import Waveform

SPEAKERS = ("fr_CA_f_June", "ru_RU_f_IvrvoiceRU")
RATE, LONGEST_S, WANTED_S = 24_000, 12.0, 40.0
BYTES_A_SECOND = 8000  # of G.722


def prompts(folder: Path) -> list[Waveform]:
    """The longest prompts of a speaker, as many as it takes."""
    pieces: list[Waveform] = []
    for path in sorted(folder.glob("*.g722"), key=lambda path: (-path.stat().st_size, path.name)):
        duration_s = path.stat().st_size / BYTES_A_SECOND
        if 0 < duration_s <= LONGEST_S and sum(piece.duration_s for piece in pieces) < WANTED_S:
            pieces.append(resample(decode_g722(path), RATE))
    return pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in SPEAKERS:
        [folder] = [path for path in asked.packages.rglob(name) if path.is_dir()]
        io.write(asked.out / f"{name}.wav", join(prompts(folder)), "wav")
    sentences = [resample(prompt.sound(), RATE) for prompt in librivox_sentences(asked.packages)]
    io.write(asked.out / "librivox.wav", join(sentences), "wav")


if __name__ == "__main__":
    main()
