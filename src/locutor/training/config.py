"""Settings of one training run."""

from dataclasses import dataclass

from locutor.errors import OptionError

PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train, whatever the network.

    max_steps: optimizer steps of the whole run. max_seconds: end earlier by the clock; the learning rate then follows
    whichever of the two is further along. warmup_steps: linear rise of the learning rate, then cosine decay to
    final_lr_ratio of it. ema_decay: upper bound of the average's decay, see ema.EMA. *_every: in steps, 0 for never.
    compile: torch.compile of the network's blocks, on CUDA. record: see learning.RecordedLearning. keep_last:
    checkpoints kept besides the best. seed: every random draw of step k derives from (seed, k).
    """

    max_steps: int
    max_seconds: float | None = None
    learning_rate: float = 1e-3
    final_lr_ratio: float = 0.02
    warmup_steps: int = 300
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    ema_decay: float = 0.9995
    precision: str = "bf16"
    compile: bool = False
    record: bool = True
    log_every: int = 100
    held_out_every: int = 1000
    save_every: int = 1000
    keep_last: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise OptionError(f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}")
        if self.max_steps < 1:
            raise OptionError(f"max_steps must be at least 1, not {self.max_steps}")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise OptionError(f"max_seconds must be above 0, not {self.max_seconds:g}; None is no limit")
        if self.keep_last < 1:
            raise OptionError(f"keep_last must be at least 1, not {self.keep_last}")
