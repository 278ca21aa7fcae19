"""Ways in which a recording can be unfit to learn from, made on purpose. Strength 0 is the mildest, 2 the worst.

A fault takes a good recording and gives a spoilt one, with the text that would come with it. All draws come from the
generator that is passed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from locutor.analysis.quality import speech_level_dbfs
from locutor.audio import io
from locutor.audio.level import PEAK_LIMIT, apply_gain, peak
from locutor.audio.reference import frame_levels
from locutor.types import Samples, Waveform

STRENGTHS = (0, 1, 2)
FRAME_S = 0.02
NOISE_SNR_DB = (8.0, 4.0, 0.0)
CLIPPED = (0.005, 0.02, 0.08)  # share of the samples
REPLACED = (0.25, 0.5)  # share of the words; at strength 2 the text is another recording's
INTRUSION_S = ((1.5, 2.6), (2.6, 6.0))  # at strength 2 nobody else speaks
PAUSE_S = (3.0, 8.0)  # at strength 2 nobody speaks
CUT = ((0.06, 0.12), (0.2, 0.3), (0.4, 0.5))  # share of the speech that is missing
BURST = 0.1  # share of the bytes that are random at strength 0


@dataclass(frozen=True)
class Take:
    """A recording with its text, as a file's bytes once it is damaged."""

    waveform: Waveform
    text: str
    content: bytes | None = None

    def file(self) -> bytes:
        return io.encode(self.waveform, "wav") if self.content is None else self.content


Fault = Callable[[Take, int, Sequence[Take], np.random.Generator], Take]


def good(take: Take, rng: np.random.Generator) -> Take:
    """The recording as another machine might have it: another level, some room around it, a trace of noise."""
    waveform = apply_gain(take.waveform, 10 ** (rng.uniform(-8, 3) / 20))
    rate = waveform.sample_rate
    before, after = (round(rng.uniform(0.05, 0.4) * rate) for _ in range(2))
    samples = np.pad(waveform.samples, (before, after))
    floor = 10 ** ((level_of(waveform) - rng.uniform(50, 60)) / 20)
    return replace(take, waveform=Waveform(samples + floor * _white(samples.size, rng), rate))


def noise(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """Steady noise under the speech: white, pink, or with the speech's own spectrum."""
    samples = take.waveform.samples
    sort = rng.integers(3)
    made = _white(samples.size, rng)
    if sort == 1:
        made = _shaped(made, lambda f: 1 / np.sqrt(np.maximum(f, f[1])))
    elif sort == 2:
        made = _shaped(made, lambda f: _smooth(np.abs(np.fft.rfft(samples))))
    level_db = level_of(take.waveform) - NOISE_SNR_DB[strength]
    return replace(take, waveform=_within(samples + 10 ** (level_db / 20) * made, take.waveform.sample_rate))


def clipping(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """Tops cut off at full scale; every other time turned down afterwards, as editors do."""
    samples = take.waveform.samples
    top = float(np.quantile(np.abs(samples), 1 - CLIPPED[strength]))
    scale = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 0.8)
    return replace(take, waveform=Waveform(np.clip(samples / top, -1, 1) * scale, take.waveform.sample_rate))


def wrong_text(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """Words of another recording in place of some or of all; at least two."""
    other = [t for t in others if t.text != take.text][int(rng.integers(len(others) - 1))]
    if strength == 2:
        return replace(take, text=other.text)
    words, pool = take.text.split(), [w for t in others for w in t.text.split() if len(w) > 3]
    n = min(len(words), max(2, round(REPLACED[strength] * len(words))))
    for place in rng.choice(len(words), n, replace=False):
        unlike = [w for w in pool if w[0].lower() != words[place][0].lower()]
        words[place] = unlike[int(rng.integers(len(unlike)))]
    return replace(take, text=" ".join(words))


def second_speaker(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """Somebody else speaks before or after, or alone; the text has their words too. others: takes of other people."""
    wanted = INTRUSION_S[strength] if strength < 2 else (1.5, 20.0)
    fitting = [t for t in others if wanted[0] <= t.waveform.duration_s < wanted[1]]
    other = fitting[int(rng.integers(len(fitting)))]
    level_db = level_of(take.waveform) - level_of(other.waveform)
    voice = _within(other.waveform.samples * 10 ** (level_db / 20), other.waveform.sample_rate)
    if strength == 2:
        return Take(good(Take(voice, ""), rng).waveform, other.text)
    rate = take.waveform.sample_rate
    parts = [take, good(Take(voice, other.text), rng)]
    if rng.random() < 0.5:
        parts.reverse()
    samples = np.concatenate([part.waveform.samples for part in parts])
    return Take(Waveform(samples, rate), " ".join(part.text for part in parts))


def silence(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """A long pause inside, or nothing but the noise of a room."""
    rate, samples = take.waveform.sample_rate, take.waveform.samples
    floor = 10 ** (-65 / 20)
    if strength == 2:
        return replace(take, waveform=Waveform(floor * _white(samples.size, rng), rate))
    quiet = floor * _white(round(PAUSE_S[strength] * rate), rng)
    middle = _quietest_place(take.waveform, 0.3, 0.7)
    return replace(take, waveform=Waveform(np.concatenate([samples[:middle], quiet, samples[middle:]]), rate))


def cut_words(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """The recording begins or ends inside a word."""
    waveform = take.waveform
    levels = frame_levels(waveform)
    loud = np.flatnonzero(levels > speech_level_dbfs(levels) - 10)  # frames of vowels, mostly
    low, high = CUT[strength]
    place = int(rng.uniform(low, high) * loud.size)
    n = round(FRAME_S * waveform.sample_rate)
    if rng.random() < 0.5:
        kept = waveform.samples[int(loud[place]) * n :]
    else:
        kept = waveform.samples[: (int(loud[loud.size - 1 - place]) + 1) * n]
    return replace(take, waveform=Waveform(kept, waveform.sample_rate))


def corrupt_file(take: Take, strength: int, others: Sequence[Take], rng: np.random.Generator) -> Take:
    """Random bytes in the middle, half of the file missing, or nothing that could be read."""
    content = bytearray(io.encode(take.waveform, "wav"))
    if strength == 0:
        n = int(BURST * len(content)) & ~1
        start = int(rng.integers(len(content) // 10, len(content) - n - len(content) // 10)) & ~1
        content[start : start + n] = rng.bytes(n)
    elif strength == 1:
        del content[len(content) // 2 :]
    else:
        content[: int(rng.choice([16, len(content)]))] = b""
        content += rng.bytes(64) if content else b""
    return replace(take, content=bytes(content))


FAULTS: dict[str, Fault] = {
    "noise": noise,
    "clipping": clipping,
    "wrong text": wrong_text,
    "second speaker": second_speaker,
    "silence": silence,
    "cut words": cut_words,
    "corrupt file": corrupt_file,
}


def level_of(waveform: Waveform) -> float:
    """Level of the speech in dBFS."""
    return speech_level_dbfs(frame_levels(waveform))


def _white(n: int, rng: np.random.Generator) -> Samples:
    return rng.standard_normal(n).astype(np.float32)


def _shaped(samples: Samples, gain: Callable[[Samples], Samples]) -> Samples:
    """The noise with another spectrum and an RMS of 1; gain: of frequency, (n_bins,) -> (n_bins,)."""
    spectrum = np.fft.rfft(samples)
    shaped = np.fft.irfft(spectrum * gain(np.fft.rfftfreq(samples.size)), samples.size)
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2)), np.float32)


def _smooth(spectrum: Samples) -> Samples:
    width = max(3, spectrum.size // 100)
    return np.convolve(spectrum, np.ones(width) / width, mode="same")


def _within(samples: Samples, rate: int) -> Waveform:
    """Turned down where it would clip."""
    waveform = Waveform(samples, rate)
    top = peak(waveform)
    return waveform if top <= PEAK_LIMIT else Waveform(waveform.samples * np.float32(PEAK_LIMIT / top), rate)


def _quietest_place(waveform: Waveform, low: float, high: float) -> int:
    """The first sample of the quietest 60 ms in the middle of a recording."""
    power = np.convolve(10 ** (frame_levels(waveform) / 10), np.ones(3), mode="same")
    first, last = int(low * power.size), max(int(high * power.size), int(low * power.size) + 1)
    return int((first + power[first:last].argmin()) * round(FRAME_S * waveform.sample_rate))
