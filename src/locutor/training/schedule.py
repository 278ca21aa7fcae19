"""Learning rate over a run."""

import math

from locutor.training.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Rate for the given step; progress: share of the run that is over, 0 to 1.

    Linear warm-up, then half a cosine down to learning_rate * final_lr_ratio.
    """
    warmup = min(1.0, (step + 1) / max(1, config.warmup_steps))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.learning_rate * warmup * (config.final_lr_ratio + (1 - config.final_lr_ratio) * cosine)
