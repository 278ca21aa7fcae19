"""How speech should end, and what is done when it does not: the babble that XTTS is known for.

At the natural end the stop code has a few per cent of probability; one draw that misses it goes on into noise or
silence. Natural endings leave 0.12 to 0.18 s of quiet, run-ons 0.6 s or more.
"""

import hashlib

import numpy as np
from torch import Tensor

from locutor.engines.xtts.config import OUTPUT_SAMPLE_RATE

QUIET_DBFS = -50.0
RUN_ON_S = 0.6
KEPT_S = 0.15
BLOCK = 4096  # samples
SHORTEST = 0.1  # of the generous expectation that `length` gives


class QuietGate:
    """Follows the quiet at the end of an utterance's audio. n_kept: samples of the last piece worth hearing."""

    def __init__(self) -> None:
        self._n_quiet = 0
        self.closed = self.stopped = False
        self.n_kept = 0

    def closes(self, samples: Tensor, late: bool) -> bool:
        """Take the next piece (n,); True when it ends in a run-on. late: the speech should long have ended."""
        n = samples.shape[0]
        last_loud = end_of_sound(samples.numpy())
        self._n_quiet = n - last_loud if last_loud else self._n_quiet + n
        self.closed = late and not self.stopped and self._n_quiet >= RUN_ON_S * OUTPUT_SAMPLE_RATE
        self.n_kept = min(n, last_loud + int(KEPT_S * OUTPUT_SAMPLE_RATE)) if self.closed else n
        return self.closed


def end_of_sound(samples: np.ndarray) -> int:
    """Samples up to the last one that is not quiet. Looked for from the end, where it nearly always is."""
    for start in reversed(range(0, len(samples), BLOCK)):
        loud = np.flatnonzero(np.abs(samples[start : start + BLOCK]) > 10 ** (QUIET_DBFS / 20))
        if len(loud):
            return start + int(loud[-1]) + 1
    return 0


def ended_well(n_codes: int, expected_codes: float, stopped: bool) -> bool:
    """Whether an attempt is fit to be heard: it ended by itself, neither at once nor long after it should have."""
    return stopped and SHORTEST * expected_codes <= n_codes <= 1.5 * expected_codes


def attempt_seed(seed: int, part: int, attempt: int) -> int:
    """The utterance's own seed for the first attempt at its first part; hashes of it for the others."""
    if part == attempt == 0:
        return seed
    digest = hashlib.sha256(f"{seed}:{part}:{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
