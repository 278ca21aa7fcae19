"""Real human speech that anybody can install: the recordings of two Debian packages.

PACKAGES is a folder into which these were unpacked (`apt-get download NAME`, `dpkg -x NAME.deb PACKAGES`):

    asterisk-core-sounds-en-g722   one professional speaker, 16 kHz, CC-BY-SA-3.0
    asterisk-core-sounds-en        the script she read, not always word for word
    pocketsphinx-testdata          five sentences by a LibriVox reader, with what is said in them

The licences cover the recordings, not consent to publish a clone of the voices: measure with them, ship nothing.
Decoding needs the extra `codecs`.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from locutor.audio import io
from locutor.types import Waveform

_PROMPT = re.compile(r"([\w/-]+): *(.+)")
_NOISE = re.compile(r"[\[(]")  # "[ascending tones]", "(4 seconds of silence)"
_SIGNS = {"*": " star ", "#": " pound "}


@dataclass(frozen=True)
class Prompt:
    """A recording and what its script says."""

    name: str
    path: Path
    text: str

    def sound(self) -> Waveform:
        return decode_g722(self.path) if self.path.suffix == ".g722" else io.read(self.path)


def decode_g722(path: Path) -> Waveform:
    """A file of bare G.722: 16 kHz, two samples a byte."""
    with av.open(str(path), format="g722") as file:
        frames = [frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
    return Waveform(np.concatenate(frames).astype(np.float32) / 32768, rate)


def asterisk_prompts(packages: Path, min_s: float) -> list[Prompt]:
    """Her recordings of at least min_s for which the script has words, in the order of their names."""
    [script] = packages.rglob("core-sounds-en.txt.gz")
    [folder] = [p for p in packages.rglob("en_US_f_Allison") if p.is_dir()]
    prompts = []
    with gzip.open(script, "rt", encoding="utf-8", errors="replace") as lines:
        for match in filter(None, map(_PROMPT.match, lines)):
            path = folder / f"{match[1]}.g722"
            is_long = path.is_file() and path.stat().st_size * 2 >= min_s * 16_000
            if is_long and not _NOISE.search(match[2]):
                prompts.append(Prompt(match[1].replace("/", "_"), path, _words(match[2])))
    return sorted(prompts, key=lambda prompt: prompt.name)


def librivox_sentences(packages: Path) -> list[Prompt]:
    """The sentences of another reader."""
    [folder] = [p for p in packages.rglob("librivox") if p.is_dir()]
    said = dict(
        (m[2], m[1]) for m in re.finditer(r"<s> (.*) </s> \((\S+)\)", (folder / "transcription").read_text("utf-8"))
    )
    return [Prompt(path.stem, path, said[path.stem]) for path in sorted(folder.glob("*.wav"))]


def _words(text: str) -> str:
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return " ".join(text.split()).lstrip(". ")
