"""What a caller may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from locutor.errors import OptionError


class Scope(StrEnum):
    """speak: speech, jobs and reading; every key may. voices: adding and changing voices and quality profiles. train:
    datasets and training. admin: everything, cleanup and models among it."""

    SPEAK = "speak"
    VOICES = "voices"
    TRAIN = "train"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request. id: of the key, or "local" where no key is required."""

    id: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        return scope is Scope.SPEAK or scope in self.scopes or Scope.ADMIN in self.scopes


LOCAL = Caller("local", frozenset(Scope))
"""The caller of a service that only this machine can reach."""


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Raises OptionError for an unknown name, or for none at all."""
    found: set[Scope] = set()
    for name in names:
        if name not in set(Scope):
            raise OptionError(f"a scope must be one of {', '.join(Scope)}, not {name!r}")
        found.add(Scope(name))
    if not found:
        raise OptionError(f"a key needs at least one scope of {', '.join(Scope)}")
    return frozenset(found)
