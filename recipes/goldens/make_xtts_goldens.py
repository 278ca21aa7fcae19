"""Write goldens of coqui-tts 0.28.0 (see README.md). Usage: make_xtts_goldens.py FOLDER"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from transformers import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from TTS.tts.layers.xtts.dvae import DiscreteVAE, dvae_wav_to_mel
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from TTS.tts.models.xtts import Xtts, wav_to_mel_cloning
from xtts_oracle import build, redraw
from xtts_texts import CLEANED_TEXTS
from xtts_weights import DVAE_SIZES, TRAINED_TEXTS, sound

TEXT = "hello there, what now?"
CLIPS = ((6.3, 24_000, 120.0), (2.9, 22_050, 180.0))  # seconds, rate, pitch
RUNS: dict[str, dict[str, Any]] = {
    "greedy": dict(do_sample=False, repetition_penalty=5.0),
    "released": dict(do_sample=True, temperature=0.75, top_k=50, top_p=0.85, repetition_penalty=5.0),
    "balanced": dict(do_sample=True, temperature=0.75, top_k=60, top_p=0.9, repetition_penalty=1.5),
    "wide": dict(do_sample=True, temperature=1.3, top_k=0, top_p=0.99, repetition_penalty=1.2),
    "narrow": dict(do_sample=True, temperature=1.0, top_k=5, top_p=1.0, repetition_penalty=10.0),
}
SEED = 3


def clip(duration_s: float, rate: int, pitch_hz: float) -> torch.Tensor:
    """At 22.05 kHz, (1, n_samples), as upstream loads a file."""
    samples = torch.from_numpy(sound(duration_s, rate, pitch_hz=pitch_hz))[None]
    return torchaudio.functional.resample(samples, rate, 22_050)


@torch.no_grad()
def signal_goldens(model: Xtts) -> dict[str, torch.Tensor]:
    samples = clip(0.6, 24_000, 120)
    samples = torch.cat([samples, torch.zeros(1, 3000)], dim=1)  # silence meets the floor of the logarithm
    out = {"resampled_16k": torchaudio.functional.resample(samples, 22_050, 16_000)}
    geometry = dict(n_fft=2048, hop_length=256, win_length=1024, power=2, sample_rate=22_050, f_min=0, f_max=8000)
    out["prompt_mel"] = wav_to_mel_cloning(samples, mel_norms=model.mel_stats, n_mels=80, **geometry)
    out["code_mel"] = dvae_wav_to_mel(samples, mel_norms=model.mel_stats)
    out["speaker_mel"] = (model.hifigan_decoder.speaker_encoder.torch_spec(out["resampled_16k"]) + 1e-6).log()
    return out


@torch.no_grad()
def voice_goldens(model: Xtts) -> dict[str, torch.Tensor]:
    clips = [clip(*each) for each in CLIPS]
    speakers = [model.get_speaker_embedding(samples, 22_050) for samples in clips]
    latents = model.get_gpt_cond_latents(torch.cat(clips, dim=1), 22_050, length=30, chunk_length=4)
    return {"latents": latents[0], "speaker": torch.stack(speakers).mean(0).flatten()}


@torch.no_grad()
def speech_goldens(model: Xtts, voice: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    tokens = torch.tensor(model.tokenizer.encode(TEXT, "en"))[None]
    latents, speaker = voice["latents"][None], voice["speaker"][None, :, None]
    out: dict[str, torch.Tensor] = {"tokens": tokens[0]}
    for name, options in RUNS.items():
        torch.manual_seed(SEED)
        codes, made = model.gpt.generate(
            latents, tokens, num_beams=1, return_dict_in_generate=True, output_logits=True, **options
        )
        out[f"{name}_codes"] = codes[0]
        if name == "greedy":
            out["greedy_logits"] = torch.cat(made.logits)
        if name in ("greedy", "wide"):
            length = torch.tensor([codes.shape[1] * 1024])
            states = model.gpt(
                tokens, torch.tensor([tokens.shape[1]]), codes, length, cond_latents=latents, return_latent=True
            )
            out[f"{name}_states"] = states[0]
    states = out["wide_states"][None, :24]
    out["waveform"] = model.hifigan_decoder(states, g=speaker).flatten()
    for speed in (0.8, 1.3):
        scaled = torch.nn.functional.interpolate(states.transpose(1, 2), scale_factor=1 / speed, mode="linear")
        out[f"waveform_{speed}"] = model.hifigan_decoder(scaled.transpose(1, 2), g=speaker).flatten()
    return out


def code_encoder() -> DiscreteVAE:
    """As upstream's trainer makes it, but small."""
    sizes = dict(
        num_tokens=DVAE_SIZES["n_entries"], codebook_dim=DVAE_SIZES["channels"], hidden_dim=DVAE_SIZES["hidden"]
    )
    made = DiscreteVAE(
        channels=80, normalization=None, positional_dims=1, num_resnet_blocks=3, kernel_size=3, num_layers=2,
        use_transposed_convs=False, **sizes,
    )  # fmt: skip
    redraw(made)
    return made.eval()


def codebook(vectors: torch.Tensor) -> torch.Tensor:
    """Entries near what the encoder gives, (k, c) -> (k, v): those drawn anywhere are hardly ever the nearest."""
    n = DVAE_SIZES["n_entries"]
    chosen = vectors[:, torch.arange(n) * vectors.shape[1] // n]
    noise = torch.from_numpy(np.random.RandomState(2).standard_normal(chosen.shape)).float()
    return chosen + 0.1 * vectors.std(1, keepdim=True) * noise


def training_goldens(model: Xtts) -> dict[str, torch.Tensor]:
    """Losses without dropout and what gradients they give: of two clips, whose prompts are not left out, and of one
    with its codes 20 to 50 left out, which upstream does right if it is told the places in mel frames."""
    gpt, encoder = model.gpt, code_encoder()
    gpt.gpt_inference, kept = None, gpt.gpt_inference  # it shares parameters under other names
    out: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        clips = [clip(*each)[:, : 3 * 22_050] for each in CLIPS]
        mels = [dvae_wav_to_mel(samples, mel_norms=model.mel_stats) for samples in clips]
        out["codebook"] = codebook(torch.cat([encoder.encoder(mel) for mel in mels], dim=2)[0])
        encoder.codebook.embed.copy_(out["codebook"])
        codes = [encoder.get_codebook_indices(mel)[0] for mel in mels]
        prompts = torch.stack([wav_to_mel_cloning(
            samples[:, :40_000], mel_norms=model.mel_stats, n_mels=80, n_fft=2048, hop_length=256, win_length=1024,
            power=2, sample_rate=22_050, f_min=0, f_max=8000,
        ) for samples in clips])  # fmt: skip
    tokens = [torch.tensor(model.tokenizer.encode(text, "en")) for text in TRAINED_TEXTS]
    lengths = torch.tensor([samples.shape[1] for samples in clips])
    padded = {
        "text_inputs": torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True),
        "text_lengths": torch.tensor([len(ids) for ids in tokens]),
        "audio_codes": torch.nn.utils.rnn.pad_sequence(codes, batch_first=True),
        "wav_lengths": lengths,
        "cond_mels": prompts,
    }
    for name, rows, heard in (("two", slice(0, 2), None), ("one", slice(0, 1), torch.tensor([[20 * 256, 50 * 256]]))):
        gpt.zero_grad()
        batch = {key: value[rows].clone() for key, value in padded.items()}
        text, mel, _ = gpt(**batch, cond_idxs=heard)
        (0.01 * text + mel).backward()
        out[f"{name}_text"], out[f"{name}_mel"] = text.detach(), mel.detach()
        norms = {k: p.grad.norm() for k, p in gpt.named_parameters() if p.grad is not None}
        out[f"{name}_gradients"] = torch.stack([norms[k] for k in sorted(norms)])
        out["parameters"] = np.array(sorted(norms))
    gpt.zero_grad()
    gpt.gpt_inference = kept
    for i, ids in enumerate(tokens):
        out |= {f"tokens_{i}": ids, f"codes_{i}": codes[i], f"prompt_{i}": prompts[i, 0]}
    return out


def sampler_goldens(model: Xtts) -> dict[str, torch.Tensor]:
    """What transformers makes of logits before the first code is drawn."""
    logits = 3 * torch.from_numpy(np.random.RandomState(5).standard_normal((4, model.gpt.num_audio_tokens))).float()
    spoken = torch.ones(4, 30, dtype=torch.long)
    spoken[:, -1] = model.gpt.start_audio_token
    penalised = RepetitionPenaltyLogitsProcessor(5.0)(spoken, logits)
    scores = penalised
    for warp in (TemperatureLogitsWarper(0.75), TopKLogitsWarper(50), TopPLogitsWarper(0.85)):
        scores = warp(spoken, scores)
    return {"sampler_logits": logits, "sampler_penalised": penalised, "sampler_scores": scores}


def text_goldens() -> list[dict[str, str | None]]:
    """cleaned is null where upstream raises: num2words has no ordinals in Czech, for one."""
    tokenizer = VoiceBpeTokenizer()

    def cleaned(text: str, language: str) -> str | None:
        try:
            return tokenizer.preprocess_text(text.lower(), language)
        except (NotImplementedError, ValueError, TypeError):
            return None

    return [
        dict(language=language, text=text, cleaned=cleaned(text, language))
        for language, texts in CLEANED_TEXTS.items()
        for text in texts
    ]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        model = build(Path(scratch))
    voice = voice_goldens(model)
    arrays = signal_goldens(model) | voice | sampler_goldens(model) | speech_goldens(model, voice)
    small = {k: v.to(torch.int16) if v.dtype == torch.long else v for k, v in arrays.items()}
    np.savez_compressed(folder / "speech.npz", **{k: v.numpy() for k, v in small.items()})
    training = {k: v if isinstance(v, np.ndarray) else v.numpy() for k, v in training_goldens(model).items()}
    np.savez_compressed(folder / "training.npz", **training)
    lines = json.dumps(text_goldens(), ensure_ascii=False, indent=0)
    (folder / "cleaned.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
