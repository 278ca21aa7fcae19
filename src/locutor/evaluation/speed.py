"""How fast, and in how much memory? Real-time factor, time to first audio, peak of the process."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from locutor.errors import AudioError
from locutor.types import Waveform


@dataclass(frozen=True)
class Timing:
    """wall_s: time spent. audio_s: length of the speech made in it."""

    wall_s: float
    audio_s: float

    @property
    def rtf(self) -> float:
        """Real-time factor: below 1 is faster than speech."""
        return self.wall_s / self.audio_s


def timed(speak: Callable[[], Waveform]) -> tuple[Waveform, Timing]:
    """Call and time it; AudioError when no audio comes."""
    start = time.perf_counter()
    waveform = speak()
    wall_s = time.perf_counter() - start
    if waveform.n_samples == 0:
        raise AudioError("the synthesizer returned no audio (0 samples)")
    return waveform, Timing(wall_s, waveform.duration_s)


def time_to_first_audio_s(stream: Callable[[], Iterable[Waveform]]) -> float:
    """Seconds from the call to the first chunk with samples; AudioError when the stream ends without one."""
    start = time.perf_counter()
    for chunk in stream():
        if chunk.n_samples:
            return time.perf_counter() - start
    raise AudioError("the stream ended without audio")


def peak_rss_bytes() -> int:
    """Most memory that this process has held so far. Not available on Windows (ModuleNotFoundError)."""
    if sys.platform == "linux":  # getrusage there counts what the parent held before exec, too
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
