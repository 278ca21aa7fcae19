"""Reading the released model.pth, whose pickle holds config objects of coqui-tts beside the tensors.

The objects are let in as empty shells that keep what is put into them and can do nothing.
"""

from pathlib import Path
from typing import Any

import torch

from locutor.engines.weights import PICKLE_SUFFIXES, read_weights

CONFIG_CLASSES = (
    "TTS.tts.configs.xtts_config.XttsConfig",
    "TTS.tts.configs.xtts_config.XttsArgs",
    "TTS.tts.configs.xtts_config.XttsAudioConfig",
    "TTS.tts.models.xtts.XttsArgs",
    "TTS.tts.models.xtts.XttsAudioConfig",
    "TTS.config.shared_configs.BaseDatasetConfig",
    "TTS.config.shared_configs.BaseAudioConfig",
    "TTS.tts.layers.xtts.trainer.gpt_trainer.GPTArgs",
    "TTS.tts.layers.xtts.trainer.gpt_trainer.GPTTrainerConfig",
)


class Shell:
    """Stands for a config object; its attributes are whatever the file says."""


def read_legacy(path: Path) -> dict[str, Any]:
    """As read_weights, for a pickle also with config objects of coqui-tts in it."""
    if path.suffix not in PICKLE_SUFFIXES:
        return read_weights(path)
    with torch.serialization.safe_globals([(Shell, name) for name in CONFIG_CLASSES]):
        return read_weights(path)
