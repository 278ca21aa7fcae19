"""coqui-tts' XTTS-v2 with random weights, for the benchmark; what it imports but never uses here is stubbed.

coqui-tts wants librosa, torchcodec and more at import; the parts that are timed use none of them.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import sys
import types
from pathlib import Path
from typing import Any

import torch

from locutor.engines.xtts.config import XttsConfig

# Imported by coqui-tts and its trainer, not used by the parts that run here.
UNUSED = (
    "librosa", "librosa.filters", "librosa.effects", "librosa.feature", "torchcodec", "inflect", "anyascii", "pysbd",
    "ko_speech_tools", "num2words", "matplotlib", "matplotlib.pyplot", "matplotlib.figure", "matplotlib.ticker",
    "matplotlib.colors", "soundfile", "tensorboard", "psutil", "monotonic_alignment_search", "gruut", "gruut_ipa",
    "umap", "bokeh", "pandas", "scipy.io.wavfile", "sklearn",
)  # fmt: skip


class _Anything(types.ModuleType):
    """Any name of it is a class that takes anything."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *a, **k: None, "__call__": lambda self, *a, **k: None})


def stub_missing() -> list[str]:
    """Put stand-ins for what is not installed; their names."""
    import transformers  # noqa: F401 - first, for it looks for torchcodec's version where it finds the module
    from transformers import GenerationMixin, GPT2Config, GPT2PreTrainedModel  # noqa: F401

    made = []
    for name in UNUSED:
        with contextlib.suppress(ValueError, ModuleNotFoundError):
            if name in sys.modules or importlib.util.find_spec(name) is not None:
                continue
        module = _Anything(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        sys.modules[name] = module
        made.append(name)
    return made


class Upstream:
    """tensors are by upstream's names. latents: (l, d), made up."""

    def __init__(self, config: XttsConfig, folder: Path, device: str) -> None:
        print(f"   stubbed: {', '.join(stub_missing()) or 'nothing'}", flush=True)
        from TTS.tts.configs.xtts_config import XttsArgs
        from TTS.tts.configs.xtts_config import XttsConfig as UpstreamConfig
        from TTS.tts.models.xtts import Xtts

        torch.manual_seed(1)
        args = {f"gpt_{k}": v for k, v in config.model_dump().items() if hasattr(XttsArgs, f"gpt_{k}")}
        args |= {"gpt_use_perceiver_resampler": True, "decoder_input_dim": config.n_model_channels}
        self._device, self._config = device, config
        model = Xtts(UpstreamConfig(model_args=XttsArgs(**args)))
        model.tokenizer = type(model.tokenizer)(vocab_file=str(folder / "vocab.json"))
        model.args.gpt_number_text_tokens = None
        model.init_models()
        # The spread of its own initialisation makes all logits alike; wider heads make codes that differ.
        torch.nn.init.normal_(model.gpt.mel_head.weight, std=config.n_model_channels**-0.5)
        model.eval()
        self._model = model.to(device)
        d = config.n_model_channels
        self.latents = torch.randn(config.n_latents, d, device=device)
        self._speaker = torch.nn.functional.normalize(torch.randn(1, 512, 1, device=device), dim=1)

    def tensors(self) -> dict[str, torch.Tensor]:
        surplus = ("gpt.gpt_inference.", "gpt.gpt.wte.")
        return {k: v for k, v in self._model.state_dict().items() if not k.startswith(surplus)}

    def forbid_stop(self, bias: float) -> None:
        self._model.gpt.mel_head.bias.data[self._config.stop_audio_token] = bias

    def limit(self, n_codes: int) -> None:
        self._model.gpt.max_gen_mel_tokens = n_codes

    @torch.inference_mode()
    def codes(self, tokens: torch.Tensor, n: int, *, seed: int, greedy: bool) -> list[int]:
        torch.manual_seed(seed)
        self.limit(n)
        options: dict[str, Any] = dict(do_sample=not greedy, repetition_penalty=5.0, num_beams=1)
        if not greedy:
            options |= dict(temperature=0.75, top_k=50, top_p=0.85)
        return self._quiet(lambda: self._model.gpt.generate(self.latents[None], tokens[None], **options)[0].tolist())

    def speak(self, text: str) -> int:
        """Number of samples."""
        options: dict[str, Any] = dict(temperature=0.75, top_k=50, top_p=0.85, repetition_penalty=5.0)
        return self._quiet(
            lambda: len(self._model.inference(text, "en", self.latents[None], self._speaker, **options)["wav"])
        )

    def first(self, text: str, chunk: int) -> None:
        options: dict[str, Any] = dict(temperature=0.75, top_k=50, top_p=0.85, repetition_penalty=5.0)
        stream = self._model.inference_stream(
            text, "en", self.latents[None], self._speaker, stream_chunk_size=chunk, **options
        )
        self._quiet(lambda: next(stream).cpu())

    def _quiet(self, run: Any) -> Any:
        with contextlib.redirect_stderr(io.StringIO()):
            return run()
