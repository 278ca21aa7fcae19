"""How much a speech service takes on."""

from dataclasses import dataclass

from locutor.types import check_range


@dataclass(frozen=True, kw_only=True)
class ServingLimits:
    """max_waiting: calls in all that may wait or be spoken; one more is refused. timeout_s: of a call that names none.

    max_wait_s: how long a batch that is not full waits for calls that have arrived and are not ready yet.
    max_batch_frames: mel frames of a batch, counted with its padding.
    memory_bytes: of model weights on a device; None: no limit. idle_ttl_s: a model unused for longer is unloaded; None
    never. low_vram: unload a model as soon as no call uses it.
    """

    max_waiting: int = 128
    timeout_s: float = 900.0
    max_wait_s: float = 0.01
    max_batch_frames: int = 12_000
    memory_bytes: int | None = None
    idle_ttl_s: float | None = None
    low_vram: bool = False

    def __post_init__(self) -> None:
        check_range("max_waiting", self.max_waiting, 1, 100_000)
        check_range("timeout_s", self.timeout_s, 0.1, 86_400)
        check_range("max_wait_s", self.max_wait_s, 0, 10)
        check_range("max_batch_frames", self.max_batch_frames, 1, 10_000_000)
