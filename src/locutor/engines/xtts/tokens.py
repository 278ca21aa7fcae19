"""Text as XTTS-v2 reads it: cleaned by language, then byte pairs with a token for the language in front."""

import re
from pathlib import Path

from tokenizers import Tokenizer

from locutor.engines.xtts.cleaning import clean
from locutor.engines.xtts.scripts import foreign_script
from locutor.errors import CheckpointError, NotFoundError, OptionError, TextError

TAGS = {"pt-BR": "pt", "zh-CN": "zh-cn"}  # Locutor's tag -> the vocabulary's, where they differ
SPACE, UNKNOWN, STOP, START = "[SPACE]", "[UNK]", "[STOP]", "[START]"
MAX_SHOWN = 40
# A space before a full stop makes it a token of its own, and a lone one is read out ("ponto").
_LOOSE = re.compile(r"\s+([.,!?;:…。，！？])")
_REPEATED = re.compile(r"([.,!?;:])\1+")
_QUOTES = re.compile(r"[\"“”„«»‹›()\[\]{}*_~]+")


def tidy(text: str) -> str:
    """Marks that are read out, or after which speech does not end, left out: quotes, brackets, loose and doubled."""
    text = _QUOTES.sub("", text.replace("…", ".").replace("’", "'"))
    text = _REPEATED.sub(r"\1", _LOOSE.sub(r"\1", text))
    return " ".join(text.split()).strip("-–— ")


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")


class XttsTokenizer:
    """A vocab.json of upstream."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.start, self.stop = self._special(START), self._special(STOP)
        self._unknown = self._special(UNKNOWN)

    @classmethod
    def read(cls, path: Path) -> "XttsTokenizer":
        """Raises NotFoundError, CheckpointError."""
        if not path.is_file():
            raise NotFoundError(f"no vocabulary at {path}; an XTTS checkpoint comes with a vocab.json")
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers has no error class of its own for a file it cannot read
            raise CheckpointError(f"{path} is not a readable tokenizer: {error}") from error
        return cls(tokenizer)

    def _special(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise CheckpointError(f"the vocabulary has no token {token}")
        return int(found)

    @property
    def n_tokens(self) -> int:
        """Rows that the text embedding needs."""
        return max(self._tokenizer.get_vocab().values()) + 1

    def speaks(self, language: str) -> bool:
        """Whether there is a token for a language of Locutor."""
        return self._tokenizer.token_to_id(f"[{TAGS.get(language, language)}]") is not None

    def has_unknown(self, ids: list[int]) -> bool:
        """Whether a sign among them is not in the vocabulary."""
        return self._unknown in ids

    def encode(self, text: str, language: str) -> list[int]:
        """Token ids of a text in a language, which must be one of the vocabulary's.

        Raises OptionError for another language and TextError when most of the text is in letters that it lacks.
        """
        if not self.speaks(language):
            raise OptionError(f"this XTTS checkpoint does not speak {language}: its vocabulary has no token for it")
        if (script := foreign_script(text, language)) is not None:
            raise TextError(f"XTTS cannot read {_shown(text)} as {language}: most of it is in {script} letters")
        cleaned = clean(text.strip().lower(), language)
        tagged = f"[{TAGS.get(language, language)}]{cleaned}".replace(" ", SPACE)
        ids = [int(i) for i in self._tokenizer.encode(tagged).ids]
        self._check(ids[1:], text, language)
        return ids

    def _check(self, ids: list[int], text: str, language: str) -> None:
        spoken = [i for i in ids if i != self._tokenizer.token_to_id(SPACE)]
        n_unknown = spoken.count(self._unknown)
        if not spoken:
            raise TextError(f"nothing to speak in {_shown(text)}: give a text with letters or numbers")
        if n_unknown * 2 > len(spoken):
            raise TextError(
                f"XTTS cannot read {_shown(text)} as {language}: {n_unknown} of its {len(spoken)} signs are not in the "
                "vocabulary; is it in another language's script?"
            )
