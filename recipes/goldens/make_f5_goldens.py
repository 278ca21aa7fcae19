"""Write goldens of F5-TTS 1.1.22 and Vocos 0.1.0 (see README.md). Usage: make_f5_goldens.py FOLDER"""

import json
import sys
import tempfile
import wave
from pathlib import Path

import f5_tts.infer.utils_infer as upstream
import numpy as np
import torch
from f5_tts.model import CFM, DiT
from f5_tts.model.modules import MelSpec
from f5_tts.model.utils import convert_char_to_pinyin, get_epss_timesteps
from random_weights import redraw
from texts import CHUNKED_TEXTS, FRONT_END_TEXTS, TRANSCRIPTS
from vocos.feature_extractors import MelSpectrogramFeatures
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone
from vocos.pretrained import Vocos

SIZES = dict(dim=128, depth=2, heads=2, ff_mult=2, text_dim=32, conv_layers=2)
VARIANTS = {
    "v0": dict(text_mask_padding=False, pe_attn_head=1),
    "v1": dict(text_mask_padding=True, pe_attn_head=None),
    "v1_qk_norm": dict(text_mask_padding=True, pe_attn_head=None, qk_norm="rms_norm"),
}
VOCAB = [" ", *"abcdefghijklmnopqrstuvwxyz.,!?'ABCDEFGH"]
SOLVES = {
    "epss7": dict(steps=7, cfg_strength=2.0, sway_sampling_coef=-1.0),
    "uniform8": dict(steps=8, cfg_strength=2.0, sway_sampling_coef=None),
    "sway9": dict(steps=9, cfg_strength=1.5, sway_sampling_coef=-1.0),
    "unguided5": dict(steps=5, cfg_strength=0.0, sway_sampling_coef=0.5),
}


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def sound(duration_s: float, level: float = 0.3) -> torch.Tensor:
    """A gliding tone with harmonics and some noise, (1, n_samples) at 24 kHz."""
    t = np.arange(int(24_000 * duration_s)) / 24_000
    phase = 2 * np.pi * (120 * t + 30 * np.sin(3 * t))
    tone = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(9 * t))
    hiss = np.random.RandomState(7).standard_normal(t.size)
    return torch.from_numpy((level * (0.5 * tone + 0.05 * hiss)).astype(np.float32))[None]


def build(variant: str) -> CFM:
    dit = DiT(**SIZES, **VARIANTS[variant], mel_dim=100, text_num_embeds=len(VOCAB))
    model = CFM(transformer=dit, vocab_char_map={token: i for i, token in enumerate(VOCAB)})
    redraw(model)
    return model.eval()


def build_vocos() -> Vocos:
    backbone = VocosBackbone(input_channels=100, dim=32, intermediate_dim=64, num_layers=2)
    model = Vocos(MelSpectrogramFeatures(), backbone, ISTFTHead(dim=32, n_fft=1024, hop_length=256, padding="center"))
    redraw(model.backbone, "backbone.")
    redraw(model.head, "head.")
    return model.eval()


@torch.no_grad()
def network_goldens(variant: str) -> dict[str, np.ndarray]:
    model = build(variant)
    network = model.transformer
    ids = torch.tensor([[1, 5, 0, 9, 30, 2, 2, 14, 39, 7, 0, 3]])
    x, cond = noise(1, 60, 100, seed=1), noise(1, 60, 100, seed=2)
    cond[:, 25:] = 0
    out = dict(ids=ids, x=x, cond=cond, time=torch.tensor([0.37]))
    out["text"] = network.text_embed(ids, 60, drop_text=False)
    out["text_dropped"] = network.text_embed(ids, 60, drop_text=True)
    out["text_cut"] = network.text_embed(ids, 8, drop_text=False)
    out["velocity"] = network(x, cond, ids, out["time"])
    out["velocity_uncond"] = network(x, cond, ids, out["time"], drop_audio_cond=True, drop_text=True)
    return {k: v.numpy() for k, v in out.items()}


@torch.no_grad()
def solve_goldens(variant: str) -> dict[str, np.ndarray]:
    model = build(variant)
    out = {"ref_mel": noise(1, 30, 100, seed=3)}
    text = [list("hello there. what now")]
    for name, options in SOLVES.items():
        out[name], _ = model.sample(out["ref_mel"], text, 75, seed=11, **options)
    return {k: v.numpy() for k, v in out.items()}


def pipeline_goldens(variant: str) -> dict[str, np.ndarray]:
    """Upstream's whole path from reference audio to waveform, with a quiet reference and a text of one chunk."""
    model, vocoder = build(variant), build_vocos()
    audio = sound(1.2, level=0.05)
    torch.manual_seed(5)
    waveform, _, mel = next(
        upstream.infer_batch_process(
            (audio, 24_000), "hello there. ", ["what a day it was"], model, vocoder, progress=None, nfe_step=7,
            device="cpu",
        )
    )  # fmt: skip
    return {"audio": audio.numpy(), "waveform": waveform.astype(np.float32), "mel": mel.astype(np.float32)}


@torch.no_grad()
def signal_goldens() -> dict[str, np.ndarray]:
    samples = torch.cat([sound(0.55), torch.zeros(1, 3600)], dim=1)  # silence meets the floor of the logarithm
    mel = MelSpec(mel_spec_type="vocos")(samples)
    out = {"samples": samples, "vocos": mel, "bigvgan": MelSpec(mel_spec_type="bigvgan")(samples)}
    out["vocoded"] = build_vocos().decode(mel[:, :, :24])
    return {k: v.numpy() for k, v in out.items()}


class Recorder:
    """Stands in for the network and keeps what the pipeline asks of it."""

    def __init__(self) -> None:
        self.calls: list[dict] = []

    def sample(self, cond: torch.Tensor, text: list, duration: int, **_: object) -> tuple[torch.Tensor, None]:
        self.calls.append({"tokens": text[0], "duration": duration})
        return torch.zeros(1, max(duration, cond.shape[-1] // 256 + 4), 100), None


def duration_goldens() -> list[dict]:
    """Frames that the pipeline asks for; fix_duration counts the reference too."""
    cases = []
    vocoder = build_vocos()
    for ref_s in (2.0, 5.37, 11.9):
        for ref_text in ("Some words are spoken here, at a usual pace.", "这是一个参考音频。", "Olá, tudo bem? "):
            for texts in (
                ["Hi."],
                ["Yes, go on"],
                ["The weather is fine today."],
                ["你好，世界。"],
                ["One.", "Two words"],
            ):
                for speed, fix in ((1.0, None), (0.7, None), (1.0, 20.0)):
                    recorder = Recorder()
                    next(
                        upstream.infer_batch_process(
                            (sound(ref_s), 24_000), ref_text, texts, recorder, vocoder, progress=None, speed=speed,
                            fix_duration=fix, device="cpu",
                        )
                    )  # fmt: skip
                    durations = sorted(call["duration"] for call in recorder.calls)
                    cases.append(
                        dict(ref_s=ref_s, ref_text=ref_text, texts=texts, speed=speed, fix=fix, durations=durations)
                    )
    return cases


def chunk_goldens() -> dict[str, list]:
    limits, seen = [], []
    original = upstream.chunk_text
    upstream.chunk_text = lambda text, max_chars: seen.append(max_chars) or []
    for ref_s in (1.0, 3.3, 9.99, 21.0):
        for ref_text in ("Some words. ", "这是一个参考音频。", "Uma frase um pouco mais longa, com vírgula. "):
            for speed in (0.5, 1.0, 2.0):
                upstream.torchaudio.load = lambda _, ref_s=ref_s: (torch.zeros(1, int(24_000 * ref_s)), 24_000)
                upstream.infer_process("", ref_text, "text", None, None, speed=speed)
                limits.append(dict(ref_s=int(24_000 * ref_s) / 24_000, ref_text=ref_text, speed=speed))
    upstream.chunk_text = original
    for case, limit in zip(limits, seen, strict=True):
        case["max_bytes"] = limit
    chunks = [
        dict(text=text, max_bytes=n, chunks=original(text, n)) for text in CHUNKED_TEXTS for n in (-3, 10, 60, 135, 400)
    ]
    return {"limits": limits, "chunks": chunks}


def transcript_goldens() -> list[dict]:
    """How a transcript is closed, spaces that the pipeline adds later included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ref.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(24_000)
            file.writeframes((sound(2.0).numpy() * 32_000).astype("<i2").tobytes())
        closed = [upstream.preprocess_ref_audio_text(str(path), text, show_info=str)[1] for text in TRANSCRIPTS]
    spaced = [text + " " if len(text[-1].encode()) == 1 else text for text in closed]
    return [dict(text=text, closed=c) for text, c in zip(TRANSCRIPTS, spaced, strict=True)]


def grid_goldens() -> list[dict]:
    cases = []
    for n in (1, 2, 4, 5, 6, 7, 8, 10, 12, 16, 20, 32, 64, 128):
        for coef in (-1.0, -0.4, 0.0, 1.0):
            t = get_epss_timesteps(n, device="cpu", dtype=torch.float32)
            cases.append(dict(n=n, coef=coef, grid=(t + coef * (torch.cos(torch.pi / 2 * t) - 1 + t)).tolist()))
    return cases


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for variant in VARIANTS:
        arrays = network_goldens(variant) | {f"solve_{k}": v for k, v in solve_goldens(variant).items()}
        np.savez_compressed(folder / f"{variant}.npz", **arrays)
    np.savez_compressed(folder / "pipeline.npz", **pipeline_goldens("v1"))
    np.savez_compressed(folder / "signal.npz", **signal_goldens())
    front_end = [dict(text=t, tokens=convert_char_to_pinyin([t])[0]) for t in FRONT_END_TEXTS]
    write_json(folder / "front_end.json", front_end)
    write_json(folder / "durations.json", duration_goldens())
    write_json(folder / "chunks.json", chunk_goldens())
    write_json(folder / "transcripts.json", transcript_goldens())
    write_json(folder / "grids.json", grid_goldens())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
