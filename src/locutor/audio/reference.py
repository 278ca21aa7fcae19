"""Judge and prepare the recording of a voice that is to be cloned."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locutor.audio import silence
from locutor.audio.edit import join
from locutor.audio.level import centred, clipped_ratio, level_dbfs, peak, to_dbfs
from locutor.errors import AudioError
from locutor.types import Waveform

MIN_S = 1.0
MAX_S = 60.0
MAX_CLIPPED = 0.1
SILENT_DBFS = -60.0
PREPARED_S = 12.0
EDGE_DBFS = -42.0  # quieter edges are cut off

FRAME_S = 0.02
BLANK_DBFS = -90.0  # 16-bit audio holds nothing below: frames that were blanked
_FRAMES_PER_S = 50
_QUIETEST_POWER = 1e-10
_ACTIVE_DB = 20.0  # frames this far below the loud ones still count as speech
_PAUSE_DB = 30.0
_BAND_DB = 75.0  # below the strongest band: nothing is there


@dataclass(frozen=True)
class ReferenceReport:
    """What a reference is like. The estimates (snr_db, silence_ratio, bandwidth_hz) are for advice, not for science.

    level_dbfs: RMS over all, without a constant offset. clipped_ratio: samples at full scale. snr_db: speech over the
    quietest tenth of the frames that hold sound. silence_ratio: 20 ms frames 30 dB below speech. bandwidth_hz: where
    the spectrum ends. warnings: full sentences.
    """

    duration_s: float
    level_dbfs: float
    clipped_ratio: float
    snr_db: float
    silence_ratio: float
    bandwidth_hz: float
    warnings: tuple[str, ...]


def check_reference(waveform: Waveform) -> ReferenceReport:
    """Measure a reference; AudioError when it is empty, silent, under 1 s, over 60 s or mostly clipped."""
    duration_s = waveform.duration_s
    if waveform.n_samples == 0:
        raise AudioError("the reference is empty: it has no samples")
    if duration_s < MIN_S:
        raise AudioError(f"the reference lasts {duration_s:.2f} s; at least {MIN_S:g} s of speech is needed")
    if duration_s > MAX_S:
        raise AudioError(f"the reference lasts {duration_s:.1f} s; at most {MAX_S:g} s is allowed")
    level = to_dbfs(peak(centred(waveform)))
    if level < SILENT_DBFS:
        raise AudioError(f"the reference is silent: its peak is {level:.0f} dBFS, at least {SILENT_DBFS:g} is needed")
    clipped = clipped_ratio(waveform)
    if clipped > MAX_CLIPPED:
        raise AudioError(f"{clipped:.0%} of the reference is clipped; at most {MAX_CLIPPED:.0%} is allowed")
    return _measure(waveform, clipped)


def prepare_reference(waveform: Waveform, max_s: float = PREPARED_S) -> Waveform:
    """Cut a reference as F5-TTS does: whole pieces of speech up to max_s, edges trimmed, 50 ms of silence appended.

    Pieces are parted by 1 s below -50 dBFS; should that leave more than max_s, by 0.1 s below -40 dBFS; should that
    too, the audio is cut off at max_s. Raises AudioError when nothing is louder than -42 dBFS.
    """
    max_ms = round(max_s * 1000)
    kept = _first_pieces(waveform, 1000, -50.0, max_ms)
    if silence.length_ms(kept) > max_ms:
        kept = _first_pieces(waveform, 100, -40.0, max_ms)
    trimmed = silence.trim_ms(silence.cut_ms(kept, 0, max_ms), EDGE_DBFS)
    if trimmed.n_samples == 0:
        level = level_dbfs(waveform)
        raise AudioError(
            f"the reference is too quiet ({level:.0f} dBFS): nothing in it is louder than {EDGE_DBFS:g} dBFS"
        )
    return Waveform(np.pad(trimmed.samples, (0, _tail_samples(waveform.sample_rate))), waveform.sample_rate)


def _tail_samples(sample_rate: int) -> int:
    """Upstream's 50 ms of silence: 551 samples made at 11,025 Hz and interpolated to the reference's rate."""
    return 550 * sample_rate // 11_025 + 1


def _first_pieces(waveform: Waveform, min_silence_ms: int, threshold_dbfs: float, max_ms: int) -> Waveform:
    """Pieces from the start until, with more than half of max_ms in hand, the next would not fit."""
    kept: list[Waveform] = [silence.cut_ms(waveform, 0, 0)]
    n_samples = 0
    for piece in silence.split_on_silence(waveform, min_silence_ms, threshold_dbfs, keep_ms=1000):
        ms, ms_with_piece = (round(1000 * n / waveform.sample_rate) for n in (n_samples, n_samples + piece.n_samples))
        if ms > max_ms // 2 and ms_with_piece > max_ms:
            break
        kept.append(piece)
        n_samples += piece.n_samples
    return join(kept)


def _measure(waveform: Waveform, clipped: float) -> ReferenceReport:
    levels = frame_levels(waveform)  # dBFS
    loud = float(np.percentile(levels, 95))
    speech = float(np.mean(10 ** (levels[levels > loud - _ACTIVE_DB] / 10)))
    noise = noise_power(levels)
    report = ReferenceReport(
        duration_s=waveform.duration_s,
        level_dbfs=level_dbfs(centred(waveform)),
        clipped_ratio=clipped,
        snr_db=float(10 * np.log10(max(speech - noise, noise * 0.01) / noise)),
        silence_ratio=float(np.mean(levels < 10 * np.log10(speech) - _PAUSE_DB)),
        bandwidth_hz=bandwidth_hz(waveform),
        warnings=(),
    )
    return _with_warnings(report)


def _with_warnings(report: ReferenceReport) -> ReferenceReport:
    r = report
    found = (
        (r.duration_s < 3, f"It lasts {r.duration_s:.1f} s; 5 to 12 s catch a voice better."),
        (r.duration_s > PREPARED_S, f"It lasts {r.duration_s:.1f} s; about the first {PREPARED_S:g} s are used."),
        (r.level_dbfs < -36, f"It is quiet ({r.level_dbfs:.0f} dBFS)."),
        (r.clipped_ratio > 0.001, f"{r.clipped_ratio:.1%} of it is clipped."),
        (r.snr_db < 15, f"It is noisy (speech about {r.snr_db:.0f} dB above the noise); the noise is cloned too."),
        (r.silence_ratio > 0.5, f"{r.silence_ratio:.0%} of it is silence."),
        (r.bandwidth_hz < 7000, f"It has no sound above {r.bandwidth_hz:.0f} Hz and will make a muffled voice."),
    )
    return ReferenceReport(
        r.duration_s,
        r.level_dbfs,
        r.clipped_ratio,
        r.snr_db,
        r.silence_ratio,
        r.bandwidth_hz,
        tuple(sentence for is_so, sentence in found if is_so),
    )


def frame_levels(waveform: Waveform) -> npt.NDArray[np.float64]:
    """Level of each 20 ms in dBFS, not below -100, (n_frames,).

    Each frame is measured about its own mean: an offset of the recording is no sound, and blanked stretches, which have
    none, are silent all the same.
    """
    edges = frame_edges(waveform)
    starts, lengths = edges[:-1], np.diff(edges)
    samples = waveform.samples[: edges[-1]].astype(np.float64)
    means = np.add.reduceat(samples, starts) / lengths
    np.square(samples, out=samples)  # in place: recordings of hours are measured too
    power = np.add.reduceat(samples, starts) / lengths - np.square(means)
    return np.asarray(10 * np.log10(np.maximum(power, _QUIETEST_POWER)))


def frame_edges(waveform: Waveform) -> npt.NDArray[np.int64]:
    """Where the whole frames of 20 ms begin, and where the last one ends, in samples, (n_frames + 1,).

    Where 20 ms are no whole number of samples, frames differ by one, so that none drifts from its time.
    """
    n_frames = waveform.n_samples * _FRAMES_PER_S // waveform.sample_rate
    return np.arange(n_frames + 1, dtype=np.int64) * waveform.sample_rate // _FRAMES_PER_S


def noise_power(levels: npt.NDArray[np.float64]) -> float:
    """Mean power of the quietest tenth of the frames; levels (n_frames,) in dBFS.

    Frames that were blanked would hide the noise and are left out. They were pauses, so they count in that tenth: where
    all pauses were blanked, the quietest tenth of the rest would be speech, and the quietest fiftieth is looked at.

    Noise goes up and down from frame to frame, so the quietest are looked for in the mean of three (60 ms).
    """
    sounding = 10 ** (levels[levels > BLANK_DBFS] / 10)
    if sounding.size == 0:
        return _QUIETEST_POWER
    smooth = np.sort(np.convolve(sounding, np.ones(3) / 3, mode="valid") if sounding.size >= 3 else sounding)
    n_blank = levels.size - sounding.size
    return float(np.mean(smooth[: max(1, smooth.size // 50, (smooth.size + n_blank) // 10 - n_blank)]))


def bandwidth_hz(waveform: Waveform) -> float:
    """The highest frequency whose mean power is within 75 dB of the strongest."""
    n = 1024
    samples = centred(waveform).samples
    frames = samples[: samples.size // n * n].reshape(-1, n) * np.hanning(n)
    power = np.mean(np.square(np.abs(np.fft.rfft(frames))), axis=0)
    present = np.flatnonzero(power > power.max() * 10 ** (-_BAND_DB / 10))
    return float(present[-1] * waveform.sample_rate / n)
