import torch
from torch import Tensor

from locutor.engines.builtin.config import DurationConfig
from locutor.engines.builtin.duration import DurationPredictor
from locutor.engines.builtin.engine import Networks
from locutor.engines.builtin.phonemes import phoneme_tokens

SHORT, LONG = (phoneme_tokens(p) for p in ("_ˈaɪ_", "_ðə kwˈɪk bɹˈaʊn fˈɑːks_"))


def mel(seed: int, b: int = 1) -> Tensor:
    return torch.randn(b, 120, 100, generator=torch.Generator().manual_seed(seed)) * 2 - 4


def test_shape() -> None:
    network = DurationPredictor(DurationConfig(n_tokens=9, n_mels=20, dim=32))
    tokens = torch.tensor([[1, 2, 3, 0], [9, 8, 7, 6]])
    assert network(tokens, torch.tensor([0, 1]), torch.randn(2, 50, 20)).shape == (2, 4)


def test_padding_changes_nothing(networks: Networks) -> None:
    padded = torch.tensor([SHORT + [0] * (len(LONG) - len(SHORT)), LONG])
    language, reference = torch.tensor([0, 0]), mel(0, b=2)
    together = networks.duration(padded, language, reference)
    for row, tokens in enumerate((SHORT, LONG)):
        alone = networks.duration(torch.tensor([tokens]), language[:1], reference[row : row + 1])[0]
        assert (together[row, : len(tokens)] - alone).abs().max() < 1e-4


def test_reference_and_language_matter(networks: Networks) -> None:
    tokens = torch.tensor([LONG])
    base = networks.duration(tokens, torch.tensor([0]), mel(0))
    assert (networks.duration(tokens, torch.tensor([0]), mel(0).flip(1).cumsum(1) / 9) - base).abs().max() > 0.01
    assert (networks.duration(tokens, torch.tensor([1]), mel(0)) - base).abs().max() > 0.01
