"""Every error of this list, made on purpose, must make a comparison with coqui-tts fail."""

from collections.abc import Callable
from operator import methodcaller
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.xtts import (
    checkpoint,
    conditioning,
    config,
    decoder,
    gpt,
    hifigan,
    mel,
    sampling,
    speaker,
    stretch,
    vocode,
    voice,
)

Patch = pytest.MonkeyPatch
Check = Callable[[ModuleType], None]

signal, heard = methodcaller("check_signal"), methodcaller("check_voice")
wave, faster = methodcaller("check_waveform"), methodcaller("check_waveform", 1.3)
sampler = methodcaller("check_sampler")
streamed = methodcaller("check_stream", 7)
greedy, released = methodcaller("check_codes", "greedy"), methodcaller("check_codes", "released")
wide, narrow = methodcaller("check_codes", "wide"), methodcaller("check_codes", "narrow")

MUTATIONS: dict[str, tuple[Callable[[Patch], None], Check]] = {}


def mutation(check: Check) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def register(mutate: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTATIONS[mutate.__name__] = (mutate, check)
        return mutate

    return register


@mutation(heard)
def residual_of_the_encoder_as_usual(patch: Patch) -> None:
    def forward(self: conditioning.AttentionBlock, x: Tensor) -> Tensor:
        b, d, t = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, self.n_heads, 3, d // self.n_heads, t).transpose(-1, -2).unbind(2)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(b, d, t)
        return x + self.proj_out(attended)

    patch.setattr(conditioning.AttentionBlock, "forward", forward)


@mutation(heard)
def heads_of_the_encoder_interleaved(patch: Patch) -> None:
    def forward(self: conditioning.AttentionBlock, x: Tensor) -> Tensor:
        b, d, t = x.shape
        normed = self.norm(x)
        q, k, v = self.qkv(normed).view(b, 3, self.n_heads, d // self.n_heads, t).transpose(-1, -2).unbind(1)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(b, d, t)
        return normed + self.proj_out(attended)

    patch.setattr(conditioning.AttentionBlock, "forward", forward)


@mutation(heard)
def groups_of_the_encoder_halved(patch: Patch) -> None:
    right = conditioning._n_groups
    patch.setattr(conditioning, "_n_groups", lambda channels: right(channels) // 2)


@mutation(heard)
def latents_do_not_see_each_other(patch: Patch) -> None:
    def forward(self: conditioning.LatentAttention, latents: Tensor, frames: Tensor) -> Tensor:
        k, v = self.to_kv(frames).chunk(2, dim=-1)
        q, k, v = (self._heads(x) for x in (self.to_q(latents), k, v))
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    patch.setattr(conditioning.LatentAttention, "forward", forward)


@mutation(heard)
def gate_and_value_swapped(patch: Patch) -> None:
    def forward(self: conditioning.GEGLU, x: Tensor) -> Tensor:
        gate, value = x.chunk(2, dim=-1)
        return F.gelu(gate) * value

    patch.setattr(conditioning.GEGLU, "forward", forward)


@mutation(heard)
def perceiver_norm_without_scale(patch: Patch) -> None:
    patch.setattr(conditioning.RMSNorm, "forward", lambda self, x: F.normalize(x, dim=-1) * self.gamma)


@mutation(heard)
def chunks_of_six_seconds(patch: Patch) -> None:
    patch.setattr(voice, "CHUNK_S", 6)


@mutation(heard)
def short_last_chunk_dropped(patch: Patch) -> None:
    patch.setattr(voice, "MIN_CHUNK_S", 2.0)


@mutation(heard)
def only_the_first_clip_heard(patch: Patch) -> None:
    right = voice.encode
    patch.setattr(voice, "encode", lambda network, clips: right(network, clips[:1]))


@mutation(signal)
def prompt_window_as_long_as_the_transform(patch: Patch) -> None:
    patch.setattr(mel, "PROMPT_MEL", mel.MelGeometry(2048, 2048, 256, 80, 22_050, 8000))


@mutation(signal)
def filters_without_equal_area(patch: Patch) -> None:
    patch.setattr(mel, "PROMPT_MEL", mel.MelGeometry(2048, 1024, 256, 80, 22_050, 8000, equal_area=False))


@mutation(signal)
def filters_up_to_half_the_rate(patch: Patch) -> None:
    patch.setattr(mel, "CODE_MEL", mel.MelGeometry(1024, 1024, 256, 80, 22_050, 11_025))


@mutation(signal)
def floor_of_the_logarithm(patch: Patch) -> None:
    patch.setattr(mel, "LOG_FLOOR", 1e-7)


@mutation(signal)
def no_preemphasis(patch: Patch) -> None:
    patch.setattr(mel, "PREEMPHASIS", 0.0)


@mutation(signal)
def hann_for_the_speaker(patch: Patch) -> None:
    patch.setattr(mel, "SPEAKER_MEL", mel.MelGeometry(512, 400, 160, 64, 16_000, 8000, "hann", equal_area=False))


@mutation(signal)
def resampling_shifted_by_a_sample(patch: Patch) -> None:
    right = mel.resample
    patch.setattr(mel, "resample", lambda samples, rate, new: right(samples.roll(1, dims=-1), rate, new))


@mutation(heard)
def batch_norm_before_relu(patch: Patch) -> None:
    def forward(self: speaker.Block, x: Tensor) -> Tensor:
        residual = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.se(self.bn2(self.conv2(x))) + residual)

    patch.setattr(speaker.Block, "forward", forward)


@mutation(heard)
def no_squeeze_and_excitation(patch: Patch) -> None:
    patch.setattr(speaker.SqueezeExcite, "forward", lambda self, x: x)


@mutation(heard)
def no_instance_norm(patch: Patch) -> None:
    patch.setattr(speaker.F, "instance_norm", lambda x: x)


@mutation(heard)
def speaker_not_of_unit_length(patch: Patch) -> None:
    right = speaker.SpeakerEncoder.forward
    patch.setattr(speaker.SpeakerEncoder, "forward", lambda self, x: 1.01 * right(self, x))


@mutation(greedy)
def gelu_of_the_other_kind(patch: Patch) -> None:
    patch.setattr(gpt.MLP, "forward", lambda self, x: self.c_proj(F.gelu(self.c_fc(x))))


@mutation(greedy)
def final_norm_left_out(patch: Patch) -> None:
    right = gpt.Gpt.__init__

    def init(self: gpt.Gpt, sizes: config.XttsConfig) -> None:
        right(self, sizes)
        self.final_norm.forward = lambda x: x  # type: ignore[method-assign]

    patch.setattr(gpt.Gpt, "__init__", init)


@mutation(greedy)
def text_positions_go_on_from_the_latents(patch: Patch) -> None:
    def embed_text(self: gpt.Gpt, tokens: Tensor) -> Tensor:
        n = tokens.shape[1]
        return self.text_embedding(tokens) + self.text_pos_embedding.emb.weight[3 : n + 3]

    patch.setattr(gpt.Gpt, "embed_text", embed_text)


@mutation(greedy)
def code_positions_start_at_one(patch: Patch) -> None:
    right = gpt.Gpt.decode

    def decode(self: gpt.Gpt, codes: Tensor, n_codes: Tensor, cache: Any, positions: Tensor) -> Tensor:
        return right(self, codes, n_codes + 1, cache, positions)

    patch.setattr(gpt.Gpt, "decode", decode)


@mutation(greedy)
def text_without_its_stop(patch: Patch) -> None:
    def prompt(self: gpt.Gpt, latents: Tensor, tokens: Tensor) -> Tensor:
        text = F.pad(tokens, (1, 0), value=self.config.start_text_token)
        start = torch.full((1, 1), self.config.start_audio_token)
        return torch.cat([latents, self.embed_text(text[None])[0], self.embed_codes(start)[0]])

    patch.setattr(gpt.Gpt, "prompt", prompt)


@mutation(greedy)
def last_key_not_seen(patch: Patch) -> None:
    right = decoder.KVCache.mask
    patch.setattr(decoder.KVCache, "mask", lambda self, positions, dtype: right(self, positions - 1, dtype))


@mutation(greedy)
def heads_share_one_key(patch: Patch) -> None:
    right = gpt.Attention.project

    def project(self: gpt.Attention, x: Tensor) -> tuple[Tensor, Tensor]:
        q, both = right(self, x)
        shared = both[0][:, :1].expand_as(both[0])
        return q, torch.stack([shared, both[1]])

    patch.setattr(gpt.Attention, "project", project)


@mutation(released)
def the_prompts_code_not_penalised(patch: Patch) -> None:
    patch.setattr(sampling, "PREFIX_CODE", 128)


@mutation(sampler)
def start_code_not_penalised(patch: Patch) -> None:
    def seen(sizes: config.XttsConfig, rows: int, device: str) -> Tensor:
        mask = torch.zeros(rows, sizes.num_audio_tokens, dtype=torch.bool)
        mask[:, 1] = True
        return mask

    patch.setattr(decoder, "already_seen", seen)


@mutation(wide)
def negative_scores_divided(patch: Patch) -> None:
    patch.setattr(sampling, "penalised", lambda logits, seen, p: torch.where(seen, logits / p[:, None], logits))


@mutation(released)
def temperature_before_the_penalty_and_again(patch: Patch) -> None:
    right = sampling.penalised
    patch.setattr(sampling, "penalised", lambda logits, seen, p: right(logits / 0.75, seen, p))


@mutation(narrow)
def one_code_more_than_top_k(patch: Patch) -> None:
    right = sampling.filtered
    patch.setattr(sampling, "filtered", lambda scores, k, p: right(scores, k + 1, p))


@mutation(released)
def top_p_from_the_other_end(patch: Patch) -> None:
    right = sampling.filtered
    patch.setattr(sampling, "filtered", lambda scores, k, p: right(scores, k, 1 - p))


@mutation(wide)
def noise_not_its_own(patch: Patch) -> None:
    right = decoder.Noise
    patch.setattr(decoder, "Noise", lambda seed, *rest: right(0, *rest))


@mutation(wide)
def stop_state_not_spoken(patch: Patch) -> None:
    right = decoder.Decoder.run

    def run(self: decoder.Decoder) -> decoder.Made:
        made = right(self)
        made.states[made.codes == self.config.stop_audio_token] = 0
        return made

    patch.setattr(decoder.Decoder, "run", run)


@mutation(wave)
def one_slope_for_all(patch: Patch) -> None:
    patch.setattr(hifigan, "LAST_SLOPE", 0.1)


@mutation(wave)
def speaker_at_the_first_level_only(patch: Patch) -> None:
    right = hifigan.WaveformDecoder.__init__

    def init(self: hifigan.WaveformDecoder, sizes: config.XttsConfig) -> None:
        right(self, sizes)
        for cond in self.conds:
            cond.forward = lambda speaker: 0.0  # type: ignore[method-assign]

    patch.setattr(hifigan.WaveformDecoder, "__init__", init)


@mutation(wave)
def weight_norm_over_the_other_axis(patch: Patch) -> None:
    def folded(v: Tensor, g: Tensor, dim: int) -> Tensor:
        return v * g / v.norm(dim=(1, 2), keepdim=True) * 1.02

    patch.setattr(checkpoint.torch, "_weight_norm", folded)


@mutation(wave)
def both_stretches_in_one(patch: Patch) -> None:
    patch.setattr(vocode, "FRAMES_PER_CODE", 4 * 24_000 / 22_050)
    patch.setattr(vocode, "RATE_RATIO", 1.0)


@mutation(wave)
def corners_aligned(patch: Patch) -> None:
    patch.setattr(stretch, "places", lambda outputs, scale: outputs.float() / scale)
    patch.setattr(stretch, "grid", stretch.grid.__wrapped__)  # not what was kept before, and nothing kept for others


@mutation(faster)
def speed_after_the_upsampling(patch: Patch) -> None:
    right = vocode.FrameStream.__init__

    def init(self: vocode.FrameStream, speed: float, reach: int) -> None:
        right(self, speed, reach)
        self._stages.append(self._stages.pop(0))

    patch.setattr(vocode.FrameStream, "__init__", init)


@mutation(streamed)
def too_little_around_a_piece(patch: Patch) -> None:
    right = hifigan.receptive_frames
    patch.setattr(hifigan, "receptive_frames", lambda sizes: right(sizes) - 8)


@mutation(streamed)
def grid_begins_anew_with_each_piece(patch: Patch) -> None:
    def push(self: stretch.LinearStretch, piece: Tensor, last: bool) -> Tensor:
        return F.interpolate(piece.T[None], scale_factor=self._scale, mode="linear")[0].T

    patch.setattr(stretch.LinearStretch, "push", push)


@mutation(greedy)
def layer_norms_of_another_epsilon(patch: Patch) -> None:
    patch.setattr(nn.LayerNorm, "forward", lambda self, x: F.layer_norm(x, x.shape[-1:], self.weight, self.bias, 1e-3))


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_error_is_noticed(kit: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mutate, check = MUTATIONS[name]
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        check(kit)


@pytest.mark.parametrize("check", [signal, heard, wave, faster, streamed, sampler])
def test_without_an_error_the_checks_pass(kit: ModuleType, check: Check) -> None:
    check(kit)
