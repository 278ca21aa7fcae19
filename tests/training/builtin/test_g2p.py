import gzip
import json
import random
from pathlib import Path

import pytest
import torch

from locutor.engines.builtin.config import G2PConfig
from locutor.engines.builtin.g2p import G2P
from locutor.engines.builtin.phonemes import LETTERS, PHONEMES, letter_tokens, phoneme_tokens
from locutor.training.builtin.g2p import G2PObjective, Row, read_rows
from locutor.training.config import TrainConfig
from locutor.training.loop import fit

SOUNDS = {"a": "a", "b": "b", "e": "eɪ", "i": "ˈi", "m": "m", "s": "s", "t": "tʃ", " ": " "}
N_HELD_OUT = 512


def tiny(letters: int = len(LETTERS)) -> G2P:
    torch.manual_seed(0)
    return G2P(G2PConfig(n_letters=letters, n_tokens=len(PHONEMES), dim=64, depth=1, ff_mult=2))


def toy_rows(n: int) -> list[Row]:
    """A language in which every letter has its sound; in the other language "s" is hard."""
    rng = random.Random(0)
    rows = []
    for _ in range(n):
        text, language = "".join(rng.choices("abeimst", k=rng.randint(2, 6))), rng.randrange(2)
        sounds = SOUNDS | ({"s": "z"} if language else {})
        phonemes = "".join(sounds[letter] for letter in text)
        rows.append(Row(language, torch.tensor(letter_tokens(text)), torch.tensor(phoneme_tokens(phonemes))))
    return rows


def test_rows_with_unknown_symbols_are_left_out(tmp_path: Path) -> None:
    rows = [["en", "Hi, you", "hˈaɪ, juː"], ["pt-BR", "Olá", "olˈa"], ["en", "7", "sˈɛvən"], ["en", "x", "Q"]]
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    first, second = read_rows(tmp_path / "rows.jsonl.gz")
    assert (first.language, second.language) == (0, 1)
    assert first.letters.tolist() == letter_tokens("hi, you") and second.phonemes.tolist() == phoneme_tokens("olˈa")


def test_a_batch_is_of_neighbours_in_length(tmp_path: Path) -> None:
    objective = G2PObjective(tiny(), toy_rows(N_HELD_OUT + 2000), letters_per_batch=300)
    spread = []
    for seed in range(30):
        batch = objective.batch(torch.Generator().manual_seed(seed))
        lengths = (batch.letters != 0).sum(1)
        assert len(batch.letters) == len(batch.phonemes) == len(batch.language)
        assert 150 <= int(lengths.sum()) <= 600
        spread.append(int(lengths.max() - lengths.min()))
    assert sorted(spread)[15] <= 1


def test_held_out_texts_are_the_first(tmp_path: Path) -> None:
    rows = toy_rows(N_HELD_OUT + 40)
    held_out = G2PObjective(tiny(), rows, letters_per_batch=100).held_out()
    letters = [row[row != 0].tolist() for batch in held_out for row in batch.letters]
    assert letters == [row.letters.tolist() for row in rows[:N_HELD_OUT]]


def test_padding_does_not_change_the_loss() -> None:
    objective = G2PObjective(tiny(), [], letters_per_batch=100)
    objective.network.eval()
    rows = [row for row in toy_rows(40) if len(row.letters) in (2, 6)]
    together = objective.loss(objective._collate(rows), torch.Generator())["loss"]
    n_phonemes = [len(row.phonemes) for row in rows]
    alone = [float(objective.loss(objective._collate([row]), torch.Generator())["loss"].detach()) for row in rows]
    wanted = sum(loss * n for loss, n in zip(alone, n_phonemes, strict=True)) / sum(n_phonemes)
    assert float(together.detach()) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.slow
def test_it_learns_a_toy_language_without_an_error(tmp_path: Path) -> None:
    objective = G2PObjective(tiny(), toy_rows(N_HELD_OUT + 3000), letters_per_batch=400)
    config = TrainConfig(
        max_steps=300, learning_rate=5e-3, warmup_steps=20, precision="fp32", ema_decay=0.9,
        log_every=100, held_out_every=300, save_every=0,
    )  # fmt: skip
    fit(objective, config, tmp_path)
    rows = [json.loads(row) for row in (tmp_path / "log.jsonl").read_text().splitlines()]
    (held_out,) = [row for row in rows if "held_out/wrong_texts" in row]
    assert held_out["held_out/wrong_texts"] == 0.0, held_out
    assert "train/wrong_texts" not in rows[0]  # decoding costs time: only of held-out texts
