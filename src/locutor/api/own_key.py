"""The key by which commands on this machine call a service that asks for keys: it ends with its service."""

import re

from locutor.auth.keys import ApiKey, KeyStore
from locutor.auth.scopes import Scope
from locutor.storage.owner import Owner

_NAME = "commands on this machine"
# Keys of versions before this one have no token: nobody can tell whose they are, and each start makes a new one.
_OWN = re.compile(re.escape(_NAME) + r"(?: \((?P<token>\d+-[0-9a-f]+)\))?")


def make_own_key(keys: KeyStore, owner: Owner) -> tuple[ApiKey, str]:
    """A key that names the process it belongs to, and its text."""
    return keys.create(f"{_NAME} ({owner.token})", [Scope.SPEAK])


def revoke_orphans(keys: KeyStore, owner: Owner) -> None:
    """Refuse the keys of services that were killed before they could do so."""
    for key in keys.list():
        own = _OWN.fullmatch(key.name)
        if own and key.is_live and not (own["token"] and owner.is_alive(own["token"])):
            keys.revoke(key.id)
