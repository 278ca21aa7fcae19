import torch

from locutor.engines.builtin.config import G2PConfig
from locutor.engines.builtin.engine import Networks
from locutor.engines.builtin.g2p import BLANK, G2P, decode
from locutor.engines.builtin.phonemes import letter_tokens


def one_hot(path: list[int]) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(path), 10).float()


def test_shape() -> None:
    network = G2P(G2PConfig(n_letters=7, n_tokens=9, dim=64, depth=1, slots=4))
    assert network(torch.tensor([[1, 2, 7], [3, 0, 0]]), torch.tensor([0, 1])).shape == (2, 12, 10)


def test_decode_merges_repeats_and_drops_blanks() -> None:
    assert decode(one_hot([BLANK, 3, 3, BLANK, 3, 5, 5, BLANK, BLANK, 2])) == [3, 3, 5, 2]
    assert decode(one_hot([BLANK, BLANK])) == []


def test_padding_changes_nothing(networks: Networks) -> None:
    short, long = letter_tokens("olá"), letter_tokens("bom dia, pessoal")
    padded = torch.tensor([short + [0] * (len(long) - len(short)), long])
    together = networks.g2p(padded, torch.tensor([1, 1]))
    n_slots = len(short) * networks.g2p.config.slots
    alone = networks.g2p(torch.tensor([short]), torch.tensor([1]))
    assert (together[0, :n_slots] - alone[0]).abs().max() < 1e-4


def test_the_language_matters(networks: Networks) -> None:
    tokens = torch.tensor([letter_tokens("data")])
    english, portuguese = (decode(networks.g2p(tokens, torch.tensor([i]))[0]) for i in (0, 1))
    assert english != portuguese
