"""A small XTTS-v2 of coqui-tts 0.28 with every tensor drawn anew."""

import json
from pathlib import Path
from typing import Any

import torch
from TTS.encoder.models.resnet import ResNetSpeakerEncoder
from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder
from TTS.tts.models.xtts import Xtts
from xtts_weights import SIZES, draw_xtts, is_drawn, vocabulary


def upstream_args(sizes: dict[str, Any]) -> dict[str, Any]:
    """model_args of a config.json."""
    args = {f"gpt_{k}": v for k, v in sizes.items() if hasattr(XttsArgs, f"gpt_{k}")}
    return args | {"gpt_use_perceiver_resampler": True, "decoder_input_dim": sizes["n_model_channels"]}


def small_decoder(sizes: dict[str, Any]) -> HifiDecoder:
    """Upstream's decoder with the sizes that Xtts does not let one choose."""
    decoder = HifiDecoder(
        decoder_input_dim=sizes["n_model_channels"],
        upsample_initial_channel_decoder=sizes["vocoder_channels"],
        d_vector_dim=sizes["speaker_dim"],
    )
    decoder.speaker_encoder = ResNetSpeakerEncoder(
        input_dim=64,
        proj_dim=sizes["speaker_dim"],
        layers=list(sizes["speaker_layers"]),
        num_filters=list(sizes["speaker_filters"]),
        log_input=True,
        use_torch_spec=True,
        audio_config=decoder.speaker_encoder_audio_config,
    )
    return decoder


def redraw(module: torch.nn.Module, seed: int = 0) -> None:
    for name, tensor in module.state_dict().items():
        if is_drawn(name):
            tensor.copy_(draw_xtts(name, tensor.shape, seed))


def build(folder: Path, sizes: dict[str, Any] = SIZES, seed: int = 0) -> Xtts:
    """vocab.json is left in the folder, for the tokenizer reads it from there."""
    config = XttsConfig(model_args=XttsArgs(**upstream_args(sizes)))
    model = Xtts(config)
    (folder / "vocab.json").write_text(json.dumps(vocabulary()), encoding="utf-8")
    model.tokenizer = type(model.tokenizer)(vocab_file=str(folder / "vocab.json"))
    model.args.gpt_number_text_tokens = None
    model.init_models()
    if sizes is SIZES:
        model.hifigan_decoder = small_decoder(sizes)
    redraw(model, seed)
    model.eval()
    return model
