"""The text a command is given: an argument, or stdin as `-`."""

import sys

from locutor.errors import TextError


def read_text(text: str) -> str:
    """Raises TextError for an empty text, or for bytes on stdin that are not UTF-8."""
    if text == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise TextError(f"the text on stdin is not UTF-8: {error.reason} at byte {error.start}") from error
    if not text.strip():
        raise TextError("the text is empty; give something to say")
    return text
