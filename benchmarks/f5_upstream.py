"""F5-TTS 1.1.22 as its users run it, for f5_gpu.py to compare with: network, sampling, vocoder and training step.

What upstream imports but neither sampling nor a training step uses is replaced by empty modules.
"""

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import Any

import torch
from torch import Tensor, nn

UNUSED = ("wandb", "datasets", "librosa", "librosa.filters", "encodec", "matplotlib", "gradio", "bitsandbytes")
SIZES = dict(dim=1024, depth=22, heads=16, ff_mult=2, text_dim=512, conv_layers=4)


class _Empty(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def import_upstream() -> types.ModuleType:
    """f5_tts.model, with what it does not need here left out."""
    import accelerate  # noqa: F401  looks for some of the packages when first imported

    for name in UNUSED:
        if importlib.util.find_spec(name.split(".")[0]) is None or name.split(".")[0] in sys.modules:
            if name not in sys.modules:
                module = _Empty(name)
                module.__spec__ = ModuleSpec(name, None)
                module.__path__ = []
                sys.modules[name] = module
    import f5_tts.model

    return f5_tts.model


def make_model(tensors: dict[str, Tensor], vocab: dict[str, int], sizes: dict[str, int] | None = None) -> nn.Module:
    """Upstream's CFM(DiT) in the v1 variant with our network's weights, on the CPU."""
    model = import_upstream()
    network = model.DiT(
        **(sizes or SIZES), mel_dim=100, text_num_embeds=len(vocab), text_mask_padding=True, pe_attn_head=None
    )
    missing, extra = network.load_state_dict(tensors, strict=False)
    assert not extra and all("freqs_cis" in name for name in missing), (missing, extra)
    return model.CFM(transformer=network, vocab_char_map=vocab).eval()


def make_vocoder(tensors: dict[str, Tensor]) -> nn.Module:
    """Upstream's Vocos with our vocoder's weights."""
    import_upstream()
    from vocos import Vocos
    from vocos.feature_extractors import MelSpectrogramFeatures
    from vocos.heads import ISTFTHead
    from vocos.models import VocosBackbone

    dim, wide = tensors["backbone.embed.weight"].shape[0], tensors["backbone.convnext.0.pwconv1.weight"].shape[0]
    layers = sum(name.endswith("dwconv.weight") for name in tensors)
    vocoder = Vocos(
        MelSpectrogramFeatures(sample_rate=24_000, n_fft=1024, hop_length=256, n_mels=100),
        VocosBackbone(input_channels=100, dim=dim, intermediate_dim=wide, num_layers=layers),
        ISTFTHead(dim=dim, n_fft=1024, hop_length=256),
    )
    _, extra = vocoder.load_state_dict(tensors, strict=False)
    assert not extra, extra
    return vocoder.eval()


@contextmanager
def given_noise(noise: Tensor) -> Iterator[None]:
    """Upstream draws its noise on the device; this hands it ours, so that results can be compared."""
    right = torch.randn

    def randn(*shape: Any, device: Any = None, dtype: Any = None, **others: Any) -> Tensor:
        if tuple(int(n) for n in shape) == tuple(noise.shape):
            return noise.to(device=device, dtype=dtype)
        return right(*shape, device=device, dtype=dtype, **others)

    torch.randn = randn
    try:
        yield
    finally:
        torch.randn = right


@torch.inference_mode()
def speak(model: nn.Module, vocoder: nn.Module, mel: Tensor, text: list[str], n_frames: int, steps: int) -> Tensor:
    """One utterance as upstream's pipeline makes it: solve, cut the reference off, vocoder, audio on the host."""
    generated, _ = model.sample(
        cond=mel[None], text=[text], duration=n_frames, steps=steps, cfg_strength=2.0, sway_sampling_coef=-1.0
    )
    new = generated.to(torch.float32)[:, len(mel) - 1 :].permute(0, 2, 1)
    return vocoder.decode(new).cpu()


class TrainingStep:
    """The body of upstream's Trainer.train, with its own objects: Accelerator, AdamW, EMA, gradient clipping, and the
    loss read every step."""

    def __init__(self, model: nn.Module) -> None:
        from accelerate import Accelerator
        from ema_pytorch import EMA

        self.accelerator = Accelerator(mixed_precision="bf16")
        self.ema = EMA(model, include_online_model=False)
        self.ema.to(self.accelerator.device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
        self.model, self.optimizer = self.accelerator.prepare(model.train(), optimizer)

    def __call__(self, mel: Tensor, text: list[list[str]], lengths: Tensor) -> float:
        loss, _, _ = self.model(mel, text=text, lens=lengths)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.update()
        return float(loss.item())
