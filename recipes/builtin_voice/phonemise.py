"""Phonemes for every training text: `python phonemise.py TEXT_DIR WORDS_EN WORDS_PT OUT_DIR`.

Runs espeak-ng through kokoro-onnx's tokenizer (labels only; neither ships with the product). Writes
- corpus.jsonl.gz: [language, text, phonemes] of what the synthesizer will speak: sentences and short phrases;
- words.jsonl.gz: the same of runs of rare words, seen by the grapheme-to-phoneme network only.
"""

import gzip
import json
import random
import sys
from pathlib import Path

from kokoro_onnx.tokenizer import Tokenizer

VOICES = {"en": "en-us", "pt-BR": "pt-br"}
MAX_PHONEMES = 230


def finished(sentence: str) -> str:
    """A capital in front and a closing mark behind."""
    sentence = sentence[0].upper() + sentence[1:]
    return sentence if sentence[-1] in ".!?" else sentence.rstrip(",;:") + "."


def phrase(sentence: str, rng: random.Random) -> str:
    """One to four consecutive words of a sentence, as a text of their own."""
    words = [w.strip(",.;:!?'-") for w in sentence.split()]
    n = rng.randint(1, 4)
    start = rng.randrange(max(1, len(words) - n))
    text = " ".join(words[start : start + n]).strip()
    return text[:1].upper() + text[1:] + rng.choice([".", ".", "!", "?", ""]) if text else ""


def word_runs(path: Path, rng: random.Random) -> list[str]:
    words = [w.strip() for w in path.read_text(encoding="utf8", errors="ignore").split()]
    words = [w for w in words if 2 <= len(w) <= 20 and w.replace("'", "").replace("-", "").isalpha()]
    words = [w.capitalize() if w.isupper() else w for w in words]
    rng.shuffle(words)
    runs = []
    while words:
        n = rng.randint(1, 8)
        runs.append(rng.choice([" ", " ", ", "]).join(words[:n]))
        words = words[n:]
    return runs


def label(tokenizer: Tokenizer, texts: list[str], language: str) -> list[tuple[str, str, str]]:
    rows = []
    for text in texts:
        phonemes = tokenizer.known(tokenizer.phonemize(text, VOICES[language]))
        if 1 < len(phonemes) < MAX_PHONEMES:
            rows.append((language, text, phonemes))
    return rows


def write(path: Path, rows: list[tuple[str, str, str]]) -> None:
    with gzip.open(path, "wt", encoding="utf8") as f:
        f.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    texts_dir, words_en, words_pt, out = map(Path, sys.argv[1:5])
    rng = random.Random(1)
    tokenizer = Tokenizer()
    corpus, runs = [], []
    for language, words in (("en", words_en), ("pt-BR", words_pt)):
        sentences = (texts_dir / f"{language}.txt").read_text(encoding="utf8").split("\n")[:-1]
        phrases = [p for p in (phrase(s, rng) for s in rng.sample(sentences, len(sentences) // 5)) if p]
        corpus += label(tokenizer, [finished(s) for s in sentences] + phrases, language)
        runs += label(tokenizer, word_runs(words, rng), language)
    rng.shuffle(corpus)
    rng.shuffle(runs)
    write(out / "corpus.jsonl.gz", corpus)
    write(out / "words.jsonl.gz", runs)
    print("corpus", len(corpus), "word runs", len(runs))
