"""The network and weights that the goldens were made with, and the comparisons with them."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from locutor.engines.base import Utterance
from locutor.engines.f5 import session
from locutor.engines.f5.checkpoint import save_checkpoint
from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.engines.f5.engine import MAX_BATCH, F5Engine
from locutor.engines.f5.layout import frame_mask, packed
from locutor.engines.f5.runtime import Runtime
from locutor.engines.f5.sampling import SolveOptions
from locutor.engines.f5.tokens import Vocabulary
from locutor.engines.vocos import Vocos, VocosConfig

ROOT = Path(__file__).parents[3]
GOLDENS = ROOT / "tests" / "goldens" / "f5"
TOKENS = [" ", *"abcdefghijklmnopqrstuvwxyz.,!?'ABCDEFGH"]
SIZES: dict[str, Any] = dict(dim=128, depth=2, heads=2, ff_mult=2, text_dim=32, conv_layers=2)
VARIANTS: dict[str, dict[str, Any]] = {
    "v0": dict(text_mask_padding=False, pe_attn_head=1),
    "v1": dict(text_mask_padding=True, pe_attn_head=None),
    "v1_qk_norm": dict(text_mask_padding=True, pe_attn_head=None, qk_norm="rms_norm"),
}


def load_recipe(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "recipes" / "goldens" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_json(name: str) -> Any:
    return json.loads((GOLDENS / name).read_text(encoding="utf-8"))


def read_arrays(name: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDENS / name) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def tiny_config(variant: str) -> F5Config:
    return F5Config(name=f"tiny_{variant}", **SIZES, **VARIANTS[variant])


def tiny_network(variant: str, seed: int = 0) -> DiT:
    """The network that the goldens were made with, every tensor random."""
    network = DiT(tiny_config(variant), len(TOKENS))
    load_recipe("random_weights").redraw(network, "transformer.", seed)
    return network.eval().requires_grad_(False)


def tiny_vocos() -> Vocos:
    vocos = Vocos(VocosConfig(dim=32, intermediate_dim=64, n_layers=2))
    load_recipe("random_weights").redraw(vocos)
    return vocos.eval().requires_grad_(False)


TOLERANCE = 1e-4
SOLVES: dict[str, dict[str, Any]] = {
    "epss7": dict(nfe_step=7, cfg_strength=2.0, sway_sampling_coef=-1.0),
    "uniform8": dict(nfe_step=8, cfg_strength=2.0, sway_sampling_coef=0.0),
    "sway9": dict(nfe_step=9, cfg_strength=1.5, sway_sampling_coef=-1.0),
    "unguided5": dict(nfe_step=5, cfg_strength=0.0, sway_sampling_coef=0.5),
}


def assert_equal(got: Tensor, wanted: Tensor) -> None:
    """Within TOLERANCE of a golden that is not trivially small."""
    assert wanted.std() > 0.1
    assert got.shape == wanted.shape
    torch.testing.assert_close(got, wanted, rtol=0, atol=TOLERANCE)


def laid_out(ids: Tensor, n_frames: int) -> Tensor:
    return torch.stack([packed(row.tolist(), n_frames) for row in ids])


def check_text(variant: str) -> None:
    network, golden = tiny_network(variant), read_arrays(f"{variant}.npz")
    rows = laid_out(golden["ids"], 60)
    assert_equal(network.text_embed(rows), golden["text"])
    assert_equal(network.text_embed(rows, drop_text=True), golden["text_dropped"])
    assert_equal(network.text_embed(laid_out(golden["ids"], 8)), golden["text_cut"])


def check_velocity(variant: str) -> None:
    network, golden = tiny_network(variant), read_arrays(f"{variant}.npz")
    rows, cond = laid_out(golden["ids"], 60), golden["cond"]
    context = network.context(cond, network.text_embed(rows))
    assert_equal(network(golden["x"], golden["time"], context), golden["velocity"])
    context = network.context(torch.zeros_like(cond), network.text_embed(rows, drop_text=True))
    assert_equal(network(golden["x"], golden["time"], context), golden["velocity_uncond"])


def utterance(text: str, mel: Tensor, n_frames: int, seed: int) -> Utterance:
    """As the engine prepares it, but from a mel. mel: (n, m)."""
    ids = tuple(Vocabulary(TOKENS).ids(list(text)))
    return Utterance(text=text, n_frames=n_frames, seed=seed, state=session.Prepared(ids=ids, mel=mel, gain=1.0))


UNHEARD = Vocos(VocosConfig(dim=8, intermediate_dim=8, n_layers=1))  # these tests compare mels


@torch.inference_mode()
def run_solve(network: DiT | Runtime, utterances: list[Utterance], **options: Any) -> list[Tensor]:
    """Mels of the whole sequences, (n, m) each."""
    runtime = Runtime(network) if isinstance(network, DiT) else network
    solve = session.Solve(runtime, UNHEARD, utterances, SolveOptions(**options))
    while not solve.done:
        solve.step()
    return [solve.mel(row) for row in range(len(utterances))]


def check_solve(variant: str, name: str) -> None:
    """Frames after the reference; upstream puts the reference itself before them."""
    golden = read_arrays(f"{variant}.npz")
    spoken = utterance("hello there. what now", golden["solve_ref_mel"][0], 75, seed=11)
    (mel,) = run_solve(tiny_network(variant), [spoken], **SOLVES[name])
    assert_equal(mel[30:], golden[f"solve_{name}"][0, 30:])


def check_batch(variant: str) -> None:
    """Each of a batch of unequal lengths equals what it is alone."""
    network, generator = tiny_network(variant), torch.Generator().manual_seed(3)
    texts = ("hello there", "a", "what is it. so much more to say here")
    lengths = ((20, 64), (12, 31), (33, 97))
    batch = [
        utterance(text, torch.randn(n_ref, 100, generator=generator), n, seed=n)
        for text, (n_ref, n) in zip(texts, lengths, strict=True)
    ]
    options = dict(nfe_step=7, cfg_strength=2.0, sway_sampling_coef=-1.0)
    for together, spoken in zip(run_solve(network, batch, **options), batch, strict=True):
        (alone,) = run_solve(network, [spoken], **options)
        assert_equal(together, alone)


def check_padded(variant: str) -> None:
    """What training does: a padded batch with a mask gives each sample the velocity that it has alone."""
    network, generator = tiny_network(variant), torch.Generator().manual_seed(4)
    lengths, ids, time = (64, 31, 97), torch.arange(20) % len(TOKENS), torch.tensor([0.4])
    mels = [torch.randn(n, 100, generator=generator) for n in lengths]
    states = [torch.randn(n, 100, generator=generator) for n in lengths]
    valid = frame_mask(lengths)[..., None].float()
    rows = torch.stack([packed(ids.tolist(), max(lengths))] * 3)
    padded = pad_sequence(mels, batch_first=True)
    context = network.context(padded, network.text_embed(rows, valid), valid)
    together = network(pad_sequence(states, batch_first=True), time, context)
    for mel, x, got, n in zip(mels, states, together, lengths, strict=True):
        alone = network.context(mel[None], network.text_embed(packed(ids.tolist(), n)[None]))
        assert_equal(got[:n], network(x[None], time, alone)[0])


def tiny_engine(variant: str = "v1", seed: int = 0) -> F5Engine:
    """With batches, as on a GPU."""
    engine = F5Engine(tiny_network(variant, seed), Vocabulary(TOKENS), tiny_vocos())
    engine.info = replace(engine.info, max_batch=MAX_BATCH)
    return engine


def write_files(folder: Path, variant: str = "v1", seed: int = 0) -> dict[str, Path]:
    """Checkpoint with its config, vocabulary and vocoder, as users have them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in ("model.safetensors", "vocab.txt", "vocoder.safetensors")}
    save_checkpoint(tiny_network(variant, seed), files["model.safetensors"])
    (folder / "model.yaml").write_text(json.dumps(tiny_config(variant).model_dump()), encoding="utf-8")
    files["vocab.txt"].write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    save_file(tiny_vocos().state_dict(), files["vocoder.safetensors"])
    return files
