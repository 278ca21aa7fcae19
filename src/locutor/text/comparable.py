"""The form in which two texts are compared for what is said, whatever their spelling."""

import re
import unicodedata

from locutor.errors import TextError
from locutor.text.languages import LANGUAGES, parse_language
from locutor.text.normalize import normalize

# A recogniser writes "at 7.45" for a quarter to eight; amounts of money and percentages are left alone.
_CLOCK = re.compile(r"(?<![\d$€£.,])(\d{1,2})\.([0-5]\d)(?![\d%])")


def comparable(text: str, language: str) -> str:
    """The form in which texts are compared: words in lower case with single spaces, "" for none. Accents stay.

    Texts of a language without a normaliser are compared with their numbers as they are written.
    """
    if LANGUAGES[parse_language(language)].has_normalizer:
        try:
            text = normalize(_CLOCK.sub(r"\1:\2", text), language)
        except TextError:  # nothing but signs, as a recogniser writes for music
            return ""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"['\u2019]", "", text)  # "don't" and "dont" sound alike
    return " ".join(re.findall(r"[^\W_]+", text))
