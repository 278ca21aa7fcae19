"""Phonemes laid over a recording whose words are known: the model speaks them itself, and its speech is warped onto it.

The built-in model says the same phonemes in the recording's own voice, with the lengths its duration network believes;
dynamic time warping (Sakoe and Chiba 1978) between the two mels then tells where each phoneme of the recording ends.
No aligner has to be trained, and whatever the model can pronounce can be aligned. Letting the model speak again with
the lengths found, and warping once more, was not measured to be better.

Shapes: f frames of the recording, s frames of the model's speech, c mel bands, k features, t tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from locutor.engines.builtin.bandwidth import bandwidth
from locutor.engines.builtin.engine import BuiltinVoice, Networks
from locutor.engines.builtin.pace import phoneme_ends
from locutor.engines.builtin.solve import lay_frames
from locutor.engines.f5.sampling import draw_noise, euler_solve, time_grid

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.int64]

NFE_STEP = 4  # more steps sound better but were not measured to align better
MIN_BANDS = 40  # bands that are compared however narrow the recording is
CHANGE_SPAN, CHANGE_WEIGHT = 2, 2.0  # frames before and after, whose difference counts as features, and how much


@dataclass(frozen=True)
class Alignment:
    """ends: (t,) each token's end in frames of the recording, every token at least one frame long.

    distance: mean distance between recording and model along the path. Far above that of other clips of the voice it
    tells a clip in which something else is said.
    """

    ends: tuple[int, ...]
    distance: float


@torch.inference_mode()
def align(networks: Networks, voice: BuiltinVoice, mel: Tensor, tokens: list[int], language: int) -> Alignment:
    """Where each token of a recording ends. mel: (f, c) log-mel at the level of references, with f >= t.

    voice: a reference of the same speaker and channel, perhaps the recording itself.
    """
    mel_std = networks.acoustic.mel_std
    n_bands = max(bandwidth(mel[None], networks.acoustic.mel_mean), MIN_BANDS)
    heard = features((mel / mel_std)[:, :n_bands])
    believed = phoneme_ends(networks.duration, tokens, language, voice.mel, speed=1.0)
    spoken = features((speak(networks, voice, tokens, believed, language) / mel_std)[:, :n_bands])
    path, distance = warp(torch.cdist(heard, spoken).cpu().numpy())
    ends = np.searchsorted(path, believed, side="left").tolist()
    return Alignment(tuple(whole_ends(ends, len(mel))), distance)


def speak(networks: Networks, voice: BuiltinVoice, tokens: list[int], ends: list[int], language: int) -> Tensor:
    """The model's own log-mel (s, c) of tokens with the given ends, in a few unguided steps."""
    network, n_frames = networks.acoustic, ends[-1]
    padded = -(-n_frames // network.config.patch) * network.config.patch
    laid = lay_frames(tokens, ends, padded)[None].to(network.mel_mean.device)
    text = network.embed_text(laid, torch.full_like(laid, language))
    noise = draw_noise(padded, network.config.n_mels, seed=0)[None].to(network.mel_mean.device)
    mel = euler_solve(lambda x, t: network(x, text, x.new_full((1,), t), voice.voice), noise, time_grid(NFE_STEP))
    return network.denormalize(mel[0, :n_frames])


def features(mel: Tensor) -> Tensor:
    """(f, c) scaled log-mel -> (f, k): each band without its mean, so that channels cancel, and its change in time."""
    x = (mel - mel.mean(0)).float()
    padded = torch.cat([x[:1].expand(CHANGE_SPAN, -1), x, x[-1:].expand(CHANGE_SPAN, -1)])
    change = padded[2 * CHANGE_SPAN :] - padded[: -2 * CHANGE_SPAN]
    return torch.cat([x, CHANGE_WEIGHT * change], dim=1) / mel.shape[1] ** 0.5


def warp(costs: Floats) -> tuple[Indices, float]:
    """The cheapest monotonic path through costs (f, s) from corner to corner.

    Returns for each of the f rows its last column on the path, (f,), and the mean cost along the path.
    """
    total = _accumulated(costs.astype(np.float64))
    i, j = len(costs) - 1, costs.shape[1] - 1
    last, n_cells = np.full(len(costs), j), 1
    while i or j:
        moves = [(total[i - a, j - b], a, b) for a, b in ((1, 1), (1, 0), (0, 1)) if i >= a and j >= b]
        _, a, b = min(moves, key=lambda move: move[0])
        i, j, n_cells = i - a, j - b, n_cells + 1
        if a:
            last[i] = j
    return last, float(total[-1, -1] / n_cells)


def whole_ends(ends: Sequence[int], n_frames: int) -> list[int]:
    """Ends moved as little as it takes to give every token a frame and the last one the rest of n_frames."""
    whole: list[int] = []
    for i, end in enumerate(ends):
        earliest, latest = (whole[-1] if whole else 0) + 1, n_frames - (len(ends) - 1 - i)
        whole.append(min(max(end, earliest), latest))
    return [*whole[:-1], n_frames]


def _accumulated(costs: Floats) -> Floats:
    """Cost of the cheapest path from the first corner to each cell, (f, s)."""
    total = np.empty_like(costs)
    total[0] = np.cumsum(costs[0])
    for i in range(1, len(costs)):
        above = total[i - 1]
        entered = np.minimum(above, np.concatenate([[np.inf], above[:-1]])) + costs[i]
        # A path may enter the row anywhere and go on along it: a running minimum, once the row's own costs are out.
        along = np.cumsum(costs[i])
        total[i] = np.minimum.accumulate(entered - along) + along
    return total
