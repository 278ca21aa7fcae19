"""Message ids out of errors: `raise SomeError(f"no job {job_id!r}")` becomes `no job {0}`.

Babel calls `errors` for every Python file (babel.cfg); what it yields lands in the one catalogue beside the words of
the templates and the scripts. Only what stands in the call itself is found; tests refuse messages made elsewhere.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

MIN_LETTERS = 4


def errors(
    fileobj: IO[bytes], keywords: Mapping[str, Any], comment_tags: Sequence[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Sentences that are raised, as (line, "", message id, comments)."""
    for node in ast.walk(ast.parse(fileobj.read())):
        if isinstance(node, ast.Call) and _name(node.func).endswith("Error"):
            for argument in node.args:
                for sentence in sentences(argument):
                    if _is_sentence(sentence):
                        yield argument.lineno, "", sentence, []


def sentences(node: ast.expr) -> list[str]:
    """What an argument may say: its pattern, those that it chooses between, and those it puts in as values."""
    if isinstance(node, ast.JoinedStr):
        inside = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    elif isinstance(node, ast.IfExp):
        inside = [node.body, node.orelse]
    else:
        inside = node.values if isinstance(node, ast.BoolOp) else []
    own = pattern(node)
    return ([] if own is None else [own]) + [
        found for part in inside for found in sentences(part) if _is_sentence(found)
    ]


def pattern(node: ast.expr) -> str | None:
    """The text of a literal or an f-string with numbered places for its values; None for anything else.

    A value written out twice is one place.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    places: dict[str, int] = {}
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(f"{{{places.setdefault(ast.unparse(part), len(places))}}}")
    return "".join(parts)


def _is_sentence(text: str) -> bool:
    return sum(c.isalpha() for c in text) >= MIN_LETTERS and " " in text


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
