"""Settings of one training run of a voice, as they are written into its folder."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from locutor.engines.lora import LoraConfig
from locutor.errors import OptionError

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,39}$"


class RunConfig(BaseModel):
    """What to teach, from which model on, and how. None leaves the choice to the engine or to the preflight.

    model_name: of the run and its models. base: id of the model to go on from. dataset: folder of a dataset; language:
    of its recordings. method: "full" changes every weight of the network, "lora" adds a small adapter.
    batch_size: clips a batch; accumulation: batches an update. precision: of the forward pass, "auto" for bf16 on GPUs
    that have it. compile: the network's blocks, on CUDA only. record: replay recorded steps, on CUDA in bf16 where the
    engine can. warmup_steps: at most a tenth of the run. rank, alpha, dropout, targets: of LoRA (LoraConfig).
    max_train_samples: clips that are used at most. epochs: passes over the clips. log_every, save_every (the state to
    resume from), save_per_updates (a checkpoint model_N, 0: only after each epoch): in updates. patience: epochs
    without a better held-out loss after which the run ends, None never. keep_last: checkpoints kept besides the best.
    sample_text: what the samples say, None for the text of a held-out clip. evaluate: measure what every saved model
    sounds like; evaluated_texts: on so many held-out texts. seed: of every random draw.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_name: str = Field(pattern=NAME_PATTERN)
    dataset: Path
    base: str = "builtin"
    language: str = "en"
    method: Literal["full", "lora"] = "full"
    epochs: int | None = Field(default=None, ge=1, le=10_000)
    batch_size: int | None = Field(default=None, ge=1, le=64)
    accumulation: int | None = Field(default=None, ge=1, le=64)
    learning_rate: float | None = Field(default=None, gt=0, le=1e-2)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False
    record: bool = True
    warmup_steps: int = Field(default=100, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    rank: int = Field(default=8, ge=1, le=1024)
    alpha: float = Field(default=16.0, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    targets: tuple[str, ...] | None = None
    max_train_samples: int | None = Field(default=None, ge=1)
    log_every: int = Field(default=10, ge=1)
    save_every: int = Field(default=500, ge=1)
    save_per_updates: int = Field(default=0, ge=0)
    patience: int | None = Field(default=None, ge=1)
    keep_last: int = Field(default=3, ge=1)
    sample_text: str | None = None
    evaluate: bool = True
    evaluated_texts: int = Field(default=12, ge=1, le=1000)
    seed: int = Field(default=666, ge=0, lt=2**31)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "RunConfig":
        """Raises OptionError naming the first setting that is wrong."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problem = error.errors()[0]
            name = ".".join(map(str, problem["loc"]))
            if problem["type"] == "extra_forbidden":
                raise OptionError(f"unknown setting {name!r}; there are {', '.join(cls.model_fields)}") from error
            raise OptionError(f"{name} cannot be {problem['input']!r}: {problem['msg']}") from error

    def lora(self, default_targets: tuple[str, ...]) -> LoraConfig:
        return LoraConfig(
            rank=self.rank, alpha=self.alpha, dropout=self.dropout, targets=self.targets or default_targets
        )
