"""Clips of real speakers for measuring, never for shipping: `python human_references.py PACKAGES_DIR OUT_DIR`.

PACKAGES_DIR holds the unpacked Debian packages asterisk-core-sounds-{en,es,ru,fr,it}-g722 (one professional speaker
each, 16 kHz; the English and the Spanish one are the same person; nothing was ever tuned by the French and the Italian
one) and pocketsphinx-testdata (one LibriVox reader). Each speaker gives two clips of about 8 s: NAME.flac to clone, and
NAME.other.flac, further speech of the same person, to know how alike two recordings of one person are.
Needs the [codecs] extra. The licences cover the recordings, not consent to publish a clone.
"""

import sys
from pathlib import Path

import av
import numpy as np
import soundfile

from locutor.audio.edit import join, pad, trim_silence
from locutor.types import Waveform

TARGET_S = 8.0


def decode(path: Path) -> Waveform:
    if path.suffix == ".wav":
        samples, rate = soundfile.read(path, dtype="float32")
        return Waveform(samples, rate)
    with av.open(str(path), format="g722") as file:
        frames = [frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
    return Waveform(np.concatenate(frames).astype(np.float32) / 32768, rate)


def clips(files: list[Path]) -> list[Waveform]:
    """Two clips of about TARGET_S out of the longest recordings, taken in turn."""
    longest = sorted(files, key=lambda p: -p.stat().st_size)[:16]
    made = []
    for part in (longest[0::2], longest[1::2]):
        pieces: list[Waveform] = []
        for path in part:
            if sum(p.duration_s for p in pieces) < TARGET_S:
                pieces.append(pad(trim_silence(decode(path)), 0.1, 0.1))
        whole = join(pieces)
        made.append(Waveform(whole.samples[: int(10 * whole.sample_rate)], whole.sample_rate))
    return made


if __name__ == "__main__":
    packages, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    speakers = {
        f"asterisk_{language}": sorted(packages.glob(f"asterisk-core-sounds-{language}-g722*/**/*.g722"))
        for language in ("en", "es", "ru", "fr", "it")
    }
    speakers["librivox"] = sorted(packages.glob("pocketsphinx-testdata*/**/librivox/*.wav"))
    for name, files in speakers.items():
        pair = clips(files)
        for suffix, clip in zip(("", ".other"), pair, strict=True):
            soundfile.write(out / f"{name}{suffix}.flac", clip.samples, clip.sample_rate)
        print(name, len(files), " ".join(f"{clip.duration_s:.1f}" for clip in pair))
