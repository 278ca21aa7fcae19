"""Judge and prepare the recording of a voice that is to be cloned."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locutor.audio import silence
from locutor.audio.edit import join
from locutor.audio.level import clipped_ratio, level_dbfs, peak, to_dbfs
from locutor.errors import AudioError
from locutor.types import Waveform

MIN_S = 1.0
MAX_S = 60.0
MAX_CLIPPED = 0.1
SILENT_DBFS = -60.0
PREPARED_S = 12.0
EDGE_DBFS = -42.0  # quieter edges are cut off

FRAME_S = 0.02
_ACTIVE_DB = 20.0  # frames this far below the loud ones still count as speech
_PAUSE_DB = 30.0
_BAND_DB = 75.0  # below the strongest band: nothing is there


@dataclass(frozen=True)
class ReferenceReport:
    """What a reference is like. The estimates (snr_db, silence_ratio, bandwidth_hz) are for advice, not for science.

    level_dbfs: RMS over all. clipped_ratio: samples at full scale. snr_db: speech over the quietest tenth.
    silence_ratio: 20 ms frames 30 dB below speech. bandwidth_hz: where the spectrum ends. warnings: full sentences.
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
    if to_dbfs(peak(waveform)) < SILENT_DBFS:
        level = to_dbfs(peak(waveform))
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
    noise = float(np.mean(10 ** (np.sort(levels)[: max(1, levels.size // 10)] / 10)))
    report = ReferenceReport(
        duration_s=waveform.duration_s,
        level_dbfs=level_dbfs(waveform),
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
    """Level of each 20 ms in dBFS, not below -100, (n_frames,)."""
    n = round(FRAME_S * waveform.sample_rate)
    frames = waveform.samples[: waveform.n_samples // n * n].reshape(-1, n).astype(np.float64)
    return np.asarray(10 * np.log10(np.maximum(np.mean(np.square(frames), axis=1), 1e-10)))


def bandwidth_hz(waveform: Waveform) -> float:
    """The highest frequency whose mean power is within 75 dB of the strongest."""
    n = 1024
    frames = waveform.samples[: waveform.n_samples // n * n].reshape(-1, n) * np.hanning(n)
    power = np.mean(np.square(np.abs(np.fft.rfft(frames))), axis=0)
    present = np.flatnonzero(power > power.max() * 10 ** (-_BAND_DB / 10))
    return float(present[-1] * waveform.sample_rate / n)
