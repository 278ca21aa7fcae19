"""Write what the built-in networks give for fixed inputs: `python make_builtin_goldens.py OUT.npz`.

To be run again whenever the packaged weights change; tests/engines/builtin holds the code to these numbers. Every
output is thinned out, so that the file stays at a few KB, and holds the SHA-256 of the weights it was made with.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from locutor.engines.base import Utterance
from locutor.engines.builtin.engine import WEIGHTS, Networks, read_networks
from locutor.engines.builtin.network import AlignedDiT
from locutor.engines.builtin.phonemes import letter_tokens, phoneme_tokens
from locutor.engines.builtin.solve import Prepared, Solve, SolveOptions, lay_frames

N_FRAMES, N_REF = 26, 22
PHONEMES = "_hɛlˈoʊ, bˈoŋ dʒˈiæ_"
LETTERS = "olá, hello there"


def noise(*shape: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def laid(n_frames: int) -> Tensor:
    """The phonemes spread evenly over the frames, (1, n_frames)."""
    tokens = phoneme_tokens(PHONEMES)
    ends = [round(n_frames * (i + 1) / len(tokens)) for i in range(len(tokens))]
    return lay_frames(tokens, ends, n_frames)[None]


def velocities(network: AlignedDiT) -> Iterator[tuple[str, Tensor]]:
    """One call with all conditions in each language, and with the reference or the text withheld."""
    x, reference = noise(1, N_FRAMES, 100, seed=1), 0.8 * noise(1, N_REF, 100, seed=2)
    tokens, time, yes = laid(N_FRAMES), torch.tensor([0.37]), torch.ones(1, dtype=torch.bool)
    english, portuguese = torch.zeros_like(tokens), torch.ones_like(tokens)
    prefix, text = network.encode_reference(reference), network.embed_text(tokens, english)
    yield "velocity", network(x, text, time, prefix)
    yield "velocity_pt", network(x, network.embed_text(tokens, portuguese), time, prefix)
    yield "velocity_no_text", network(x, network.embed_text(tokens, english, dropped=yes), time, prefix)
    yield "velocity_no_reference", network(x, text, time, network.encode_reference(reference, dropped=yes))


def solved(network: AlignedDiT, vocoder: torch.nn.Module) -> Tensor:
    """Audio of a solve of three steps with guidance, as the vocoder makes it, (n_samples,)."""
    reference = 0.8 * noise(1, N_REF, 100, seed=2)
    tokens = laid(N_FRAMES)[0]
    prepared = Prepared(
        tokens=tokens,
        language=torch.zeros_like(tokens),
        voice=network.encode_reference(reference),
        no_voice=network.encode_reference(reference, dropped=torch.ones(1, dtype=torch.bool)),
    )
    spoken = Utterance(text="", n_frames=N_FRAMES, seed=5, state=prepared)
    solve = Solve(network, vocoder, [spoken], SolveOptions(nfe_step=8, cfg_strength=1.5))  # type: ignore[arg-type]
    while not solve.done:
        solve.step()
    return vocoder.decode(solve.mels())[0]  # type: ignore[operator]


@torch.no_grad()
def outputs(networks: Networks) -> Iterator[tuple[str, np.ndarray]]:
    """Everything that is compared, one by one, float32 and thinned out."""
    for name, velocity in velocities(networks.acoustic):
        yield name, velocity[0, ::3, ::4].numpy()
    language = torch.tensor([1])
    tokens, letters = torch.tensor([phoneme_tokens(PHONEMES)]), torch.tensor([letter_tokens(LETTERS)])
    yield "log_frames", networks.duration(tokens, language, noise(1, 60, 100, seed=3) - 3)[0].numpy()
    yield "letter_logits", networks.g2p(letters, language)[0, ::3, ::4].numpy()
    yield "vocoded", networks.vocoder(1.5 * noise(1, 100, 9, seed=4))[0, ::8].numpy()
    yield "solved", solved(networks.acoustic, networks.vocoder)[::16].numpy()


def weights_sha256() -> str:
    return hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    np.savez_compressed(target, weights_sha256=np.array(weights_sha256()), **dict(outputs(read_networks())))
    print(f"{target.stat().st_size} bytes")
