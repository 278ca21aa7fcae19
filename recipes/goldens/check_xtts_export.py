"""Load a merged and converted small XTTS-v2 into coqui-tts 0.28 and compare the two networks (see README.md).

Usage: PYTHONPATH=src python recipes/goldens/check_xtts_export.py

An adapter is drawn, put on the goldens' network, merged, written and converted as `checkpoints export --merge` and
`models convert` do it. peft puts the same adapter on coqui-tts' own network, where it is installed.
"""

import copy
import importlib.util
import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from TTS.tts.models.xtts import Xtts
from xtts_oracle import build, upstream_args
from xtts_weights import SIZES

from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint as Model
from locutor.engines.lora import LoraConfig, LoraLinear, adapt, adapter_of, read_adapter, write_adapter
from locutor.engines.xtts.checkpoint import Checkpoint, build_network
from locutor.engines.xtts.config import read_config
from locutor.engines.xtts.convert import to_upstream
from locutor.training.merge import write_merged
from locutor.training.xtts_finetune import XttsTrainable

DECODER_SIZES = ("speaker_", "vocoder_")  # those that coqui-tts has no keys for


def write_base(folder: Path, tensors: dict[str, torch.Tensor]) -> dict[str, Path]:
    files = {"model": folder / "model.safetensors", "config": folder / "config.json", "vocab": folder / "vocab.json"}
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, files["model"])
    config = {
        "model_args": upstream_args(SIZES),
        "sizes": {k: v for k, v in SIZES.items() if k.startswith(DECODER_SIZES)},
    }
    files["config"].write_text(json.dumps(config))
    return files


def write_drawn_adapter(folder: Path, files: dict[str, Path], tensors: dict[str, torch.Tensor]) -> dict[str, Path]:
    gpt = build_network(Checkpoint(tensors, "base"), read_config(files["config"])).gpt
    config = LoraConfig(rank=4, alpha=8, dropout=0.0, targets=XttsTrainable.adapter_targets)
    torch.manual_seed(0)
    adapt(gpt, config)
    for module in gpt.modules():
        if isinstance(module, LoraLinear):
            torch.nn.init.normal_(module.lora_B.weight, std=0.05)
    write_adapter(folder, adapter_of(gpt, config, "base"))
    return {"adapter": folder / "adapter_model.safetensors", "adapter_config": folder / "adapter_config.json"}


@torch.no_grad()
def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        base = build(folder)
        surplus = ("gpt.gpt_inference.", "gpt.gpt.wte.")
        tensors = {k: v for k, v in base.state_dict().items() if not k.startswith(surplus)}
        files = write_base(folder, tensors)
        files |= write_drawn_adapter(folder, files, tensors)
        merged = folder / "merged"
        merged.mkdir()
        card = ModelCard(id="m", engine="xtts", title="", languages=("en",), licence="", commercial_use=False)
        write_merged(merged, Model(card, files, ""))
        to_upstream(merged / "model.safetensors", merged / "config.json", merged / "model.pth")

        loaded = copy.deepcopy(base)
        del loaded.gpt.gpt_inference, loaded.gpt.gpt.wte  # made after loading, where upstream loads a file
        loaded.load_state_dict(loaded.get_compatible_checkpoint_state_dict(merged / "model.pth"), strict=True)
        print("coqui-tts loads the merged model strictly")

        codes = torch.randint(0, 128, (1, 40), generator=torch.Generator().manual_seed(1))
        tokens = torch.tensor(base.tokenizer.encode("hello there, what now?", "en"))[None]
        latents = torch.randn(1, 32, SIZES["n_model_channels"], generator=torch.Generator().manual_seed(2))
        lengths = {"text_lengths": torch.tensor([tokens.shape[1]]), "wav_lengths": torch.tensor([40 * 1024])}

        def states(model: Xtts) -> torch.Tensor:
            made: torch.Tensor = model.gpt(
                tokens, audio_codes=codes, cond_latents=latents, return_latent=True, **lengths
            )
            return made[0]

        print(f"the adapter changes the states by {float((states(loaded) - states(base)).abs().max()):.3g}")
        if importlib.util.find_spec("peft") is None:
            print("peft is not installed")
            return
        from peft import PeftModel

        PeftModel.from_pretrained(base.gpt, folder)
        print(f"merged against peft's adapter in coqui-tts: {float((states(loaded) - states(base)).abs().max()):.3g}")
        print(f"tensors of the adapter: {len(read_adapter(files['adapter'], files['adapter_config']).tensors)}")


if __name__ == "__main__":
    main()
