"""The network and weights that the goldens were made with, and the comparisons with them."""

import importlib.util
import json
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from locutor.engines.xtts import checkpoint, decoder, hifigan, mel, sampling, vocode, voice
from locutor.engines.xtts.checkpoint import Checkpoint
from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.dvae import CodeEncoder
from locutor.engines.xtts.engine import Plan, XttsEngine
from locutor.engines.xtts.network import Xtts
from locutor.engines.xtts.tokens import XttsTokenizer
from locutor.types import Waveform

ROOT = Path(__file__).parents[3]
GOLDENS = ROOT / "tests" / "goldens" / "xtts"
TOLERANCE = 1e-4
SEED = 3
CLIPS = ((6.3, 24_000, 120.0), (2.9, 22_050, 180.0))  # as in make_xtts_goldens.py
RUNS: dict[str, dict[str, Any]] = {
    "greedy": dict(temperature=0.0, repetition_penalty=5.0),
    "released": dict(temperature=0.75, top_k=50, top_p=0.85, repetition_penalty=5.0),
    "balanced": dict(temperature=0.75, top_k=60, top_p=0.9, repetition_penalty=1.5),
    "wide": dict(temperature=1.3, top_k=0, top_p=0.99, repetition_penalty=1.2),
    "narrow": dict(temperature=1.0, top_k=5, top_p=1.0, repetition_penalty=10.0),
}


@cache
def load_recipe(name: str) -> ModuleType:
    folder = ROOT / "recipes" / "goldens"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


@cache
def golden() -> dict[str, Tensor]:
    with np.load(GOLDENS / "speech.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def write_vocabulary(folder: Path) -> Path:
    path = folder / "vocab.json"
    path.write_text(json.dumps(load_recipe("xtts_weights").vocabulary()), encoding="utf-8")
    return path


def tiny_config() -> XttsConfig:
    weights = load_recipe("xtts_weights")
    tokens = weights.vocabulary()["model"]["vocab"]
    return XttsConfig(
        **weights.SIZES,
        number_text_tokens=len(tokens),
        start_text_token=tokens["[START]"],
        stop_text_token=tokens["[STOP]"],
    )


def upstream_shapes(config: XttsConfig) -> dict[str, torch.Size]:
    """The names and shapes that a checkpoint file has: weight norm apart, torchaudio's constants left out."""
    shapes: dict[str, torch.Size] = {}
    for name, tensor in Xtts(config).state_dict().items():
        if name.endswith(".weight") and (".ups." in name or ".resblocks." in name):
            stem = name.removesuffix("weight") + "parametrizations.weight.original"
            shapes[stem + "0"] = torch.Size([len(tensor), 1, 1])
            shapes[stem + "1"] = tensor.shape
        else:
            shapes[name] = tensor.shape
    return shapes


@cache
def tiny_tensors(seed: int = 0) -> dict[str, Tensor]:
    draw = load_recipe("xtts_weights").draw_xtts
    return {name: draw(name, shape, seed) for name, shape in upstream_shapes(tiny_config()).items()}


def tiny_network(seed: int = 0) -> Xtts:
    """The network that the goldens were made with, every tensor random."""
    return checkpoint.build_network(Checkpoint(tiny_tensors(seed), "tiny"), tiny_config())


def tiny_tokenizer(folder: Path) -> XttsTokenizer:
    return XttsTokenizer.read(write_vocabulary(folder))


def tiny_engine(folder: Path, **plan: Any) -> XttsEngine:
    chosen: dict[str, Any] = dict(device="cpu", dtype=torch.float32, int8=False, max_batch=4, steps=2)
    return XttsEngine(tiny_network(), tiny_tokenizer(folder), Plan(**(chosen | plan)))


def write_files(folder: Path, seed: int = 0) -> dict[str, Path]:
    """Checkpoint, config and vocabulary as users have them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in ("model.safetensors", "config.json", "vocab.json")}
    save_file({k: v.clone() for k, v in tiny_tensors(seed).items()}, files["model.safetensors"])
    files["config.json"].write_text(json.dumps(config_json()), encoding="utf-8")
    write_vocabulary(folder)
    return files


ROLES = {
    "model": "model.safetensors",
    "config": "config.json",
    "vocab": "vocab.json",
    "speakers": "speakers_xtts.pth",
    "dvae": "dvae.pth",
}


def install(data_dir: Path, model: str = "tiny-xtts", speakers: tuple[str, ...] = (), dvae: bool = False) -> str:
    """A small XTTS-v2 among the models of an installation."""
    folder = data_dir / "models" / model
    write_files(folder)
    if speakers:
        torch.save({name: speaker_entry(i) for i, name in enumerate(speakers)}, folder / ROLES["speakers"])
    if dvae:
        weights = load_recipe("xtts_weights")
        shapes = {name: value.shape for name, value in CodeEncoder(**weights.DVAE_SIZES).state_dict().items()}
        torch.save({name: weights.draw_xtts(name, shape) for name, shape in shapes.items()}, folder / ROLES["dvae"])
    card = {
        "id": model, "engine": "xtts", "title": "Tiny", "languages": ["en"], "licence": "CPML", "commercial_use": False,
        "files": [{"role": role, "path": name} for role, name in ROLES.items() if (folder / name).is_file()],
    }  # fmt: skip
    (folder / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return model


def speaker_entry(seed: int) -> dict[str, Tensor]:
    """As the released file has it: latents (1, l, d) and a speaker vector (1, g, 1)."""
    generator = torch.Generator().manual_seed(seed)
    latents, speaker = golden()["latents"][None], golden()["speaker"][None, :, None]
    return {
        "gpt_cond_latent": latents + 0.1 * torch.randn(latents.shape, generator=generator),
        "speaker_embedding": speaker + 0.1 * torch.randn(speaker.shape, generator=generator),
    }


def config_json() -> dict[str, Any]:
    """As upstream writes it, with the sizes that it has no keys for beside model_args."""
    sizes = load_recipe("xtts_weights").SIZES
    own = ("speaker_", "vocoder_")
    args = {f"gpt_{k}": v for k, v in sizes.items() if not k.startswith(own)}
    args |= {"gpt_use_perceiver_resampler": True, "input_sample_rate": 22_050, "duration_const": 102_400}
    return {"model": "xtts", "model_args": args, "sizes": {k: v for k, v in sizes.items() if k.startswith(own)}}


def reference(duration_s: float = 3.0, rate: int = 24_000, pitch_hz: float = 120.0) -> Waveform:
    return Waveform(load_recipe("xtts_weights").sound(duration_s, rate, pitch_hz=pitch_hz), rate)


def assert_equal(got: Tensor, wanted: Tensor, least: float = 0.1) -> None:
    """Within TOLERANCE of a golden that is not trivially small."""
    assert wanted.std() > least
    assert got.shape == wanted.shape
    torch.testing.assert_close(got, wanted, rtol=0, atol=TOLERANCE)


def prompt_samples() -> Tensor:
    """What the signal goldens were made from, (1, n) at 22.05 kHz."""
    samples = mel.resample(torch.from_numpy(reference(0.6).samples)[None], 24_000, 22_050)
    return torch.cat([samples, torch.zeros(1, 3000)], dim=1)


def check_signal() -> None:
    samples, stats = prompt_samples(), tiny_tensors()["mel_stats"]
    resampled = mel.resample(samples, 22_050, 16_000)
    assert_equal(resampled, golden()["resampled_16k"], least=0.05)
    assert_equal(mel.log_mel(samples, mel.PROMPT_MEL, stats), golden()["prompt_mel"])
    assert_equal(mel.log_mel(samples, mel.CODE_MEL, stats), golden()["code_mel"])
    heard = mel.speaker_mel(resampled)
    torch.testing.assert_close(heard, golden()["speaker_mel"], rtol=0, atol=1e-3)


def check_voice() -> None:
    clips = [reference(*clip) for clip in CLIPS]
    heard = voice.encode(tiny_network(), clips)
    assert_equal(heard.latents, golden()["latents"])
    assert_equal(heard.speaker, golden()["speaker"])


@torch.inference_mode()
def run(name: str, network: Xtts | None = None, steps: int = 1) -> tuple[list[int], Tensor, Tensor]:
    """Codes, the states they were drawn from (n, d), and the logits of those (n, v)."""
    network = network or tiny_network()
    config, tokens = network.config, golden()["tokens"].long()
    options = sampling.SamplingOptions(stop_bias=0.0, **RUNS[name])
    rows = decoder.Decoder(network.gpt, 2, steps)
    prompt = network.gpt.prompt(golden()["latents"], tokens)
    rows.admit([decoder.Start(prompt=prompt, seed=SEED, options=options, expected_codes=0.0)])
    codes: list[int] = []
    states: list[Tensor] = []
    while len(codes) < config.max_codes and config.stop_audio_token not in codes:
        made = rows.run()
        codes += made.codes[0].tolist()
        states.append(made.states[0])
    if config.stop_audio_token in codes:
        codes = codes[: codes.index(config.stop_audio_token) + 1]
    codes = codes[: config.max_codes]
    kept = torch.cat(states)[: len(codes)]
    return codes, kept, network.gpt.logits(kept)


def check_sampler() -> None:
    """Scores before the first code, as transformers' processors leave them."""
    logits = golden()["sampler_logits"]
    n = len(logits)
    options = sampling.RowOptions(n, "cpu")
    for row in range(n):
        options.set(row, sampling.SamplingOptions(), 100, logits.shape[1])
    seen = decoder.already_seen(tiny_config(), n, "cpu")
    penalised = sampling.penalised(logits, seen, options.repetition_penalty)
    assert_equal(penalised, golden()["sampler_penalised"])
    scores = sampling.filtered(penalised / 0.75, options.top_k, options.keep_below)
    assert torch.equal(scores.isinf(), golden()["sampler_scores"].isinf())
    torch.testing.assert_close(scores, golden()["sampler_scores"])


def check_codes(name: str) -> None:
    """The same codes as transformers' generate, and so the same stop."""
    codes, states, logits = run(name)
    assert codes == golden()[f"{name}_codes"].tolist()
    if f"{name}_states" in golden():
        assert_equal(states, golden()[f"{name}_states"])
    if f"{name}_logits" in golden():
        assert_equal(logits, golden()[f"{name}_logits"])


@torch.inference_mode()
def speak_states(states: Tensor, speed: float = 1.0, piece: int | None = None) -> Tensor:
    """Samples of states (n, d), given `piece` at a time."""
    network = tiny_network()
    speaker = golden()["speaker"]
    stream = vocode.FrameStream(speed, hifigan.receptive_frames(network.config))
    pieces = []
    parts = states.split(piece or len(states))
    for i, part in enumerate(parts):
        window = stream.push(part, i == len(parts) - 1)
        if window is not None:
            pieces += vocode.vocode(network.hifigan_decoder.waveform_decoder, [window], [speaker])
    return torch.cat(pieces)


def check_waveform(speed: float = 1.0) -> None:
    name = "waveform" if speed == 1 else f"waveform_{speed}"
    assert_equal(speak_states(golden()["wide_states"][:24], speed), golden()[name])


def check_stream(piece: int, speed: float = 1.0) -> None:
    """Piece by piece the same as in one go."""
    states = golden()["wide_states"][:40]
    assert_equal(speak_states(states, speed, piece), speak_states(states, speed))
