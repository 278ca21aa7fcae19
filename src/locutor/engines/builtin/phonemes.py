"""The symbols of the built-in model: letters its grapheme-to-phoneme network reads, phonemes all its networks share.

Phonemes are IPA as espeak-ng writes it, stress, length and nasality marks being symbols of their own; punctuation is
kept, because it is heard. Token 0 is the filler; symbol i has token i + 1.
"""

from locutor.errors import TextError

BOUNDARY = "_"  # silence before the first and after the last phoneme of a text
PHONEMES = BOUNDARY + " !,.:;?abcdefhijklmnoprstuvwxyzæçðŋɐɑɔəɚɛɜɡɪɲɹɾʃʊʌʎʒʔʲˈˌː̃θᵻ"
LETTERS = " !',-.:;?abcdefghijklmnopqrstuvwxyzàáâãäåçèéêëíïñóôõöúûü"
LANGUAGES = ("en", "pt-BR")

_TOKENS = {symbol: i + 1 for i, symbol in enumerate(PHONEMES)}
_LETTER_TOKENS = {letter: i + 1 for i, letter in enumerate(LETTERS)}


def phoneme_tokens(phonemes: str) -> list[int]:
    """Tokens of a phoneme string. Raises TextError for a symbol the model does not know."""
    if unknown := sorted(set(phonemes) - _TOKENS.keys()):
        raise TextError(f"unknown phonemes {' '.join(unknown)}; known are: {' '.join(PHONEMES[1:].split())}")
    return [_TOKENS[p] for p in phonemes]


def phoneme_string(tokens: list[int]) -> str:
    return "".join(PHONEMES[token - 1] for token in tokens)


def letter_tokens(text: str) -> list[int]:
    """Tokens of a lower-case text made of LETTERS only."""
    return [_LETTER_TOKENS[letter] for letter in text]
