"""`locutor keys`: who may use a service that others can reach."""

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import console, table
from locutor.cli.console import say as remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from locutor.auth.keys import ApiKey, KeyStore

app = typer.Typer(help="API keys of the service.", no_args_is_help=True)
_DAY_S = 86_400


@contextmanager
def _keys() -> "Iterator[KeyStore]":
    from locutor.auth.keys import KeyStore
    from locutor.bootstrap import open_stores
    from locutor.settings import load_settings

    stores = open_stores(load_settings())
    try:
        yield KeyStore(stores.database)
    finally:
        stores.close()


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, or whose it is.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="speak, voices, train or admin; may be repeated. Default: speak.")
    ] = None,
    days: Annotated[float | None, typer.Option(min=0.01, help="Days after which it ends; never unless given.")] = None,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    with _keys() as keys:
        key, text = keys.create(name, scope or ["speak"], None if days is None else days * _DAY_S)
    remark(f"key {key.id} for {key.name}, scopes {', '.join(sorted(key.scopes))}; it is shown only now:")
    typer.echo(text)


@app.command("list")
def list_keys() -> None:
    """Keys, without their secrets."""
    grid = table("API keys", "id", "name", "scopes", "created", "last used", "state")
    with _keys() as keys:
        for key in keys.list():
            scopes = ", ".join(sorted(key.scopes))
            grid.add_row(key.id, key.name, scopes, _day(key.created_at), _day(key.last_used_at), _state(key))
    console().print(grid)


@app.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(help="An id of `locutor keys list`.")]) -> None:
    """Refuse a key, and whoever logged in with it, from now on."""
    with _keys() as keys:
        key = keys.revoke(key_id)
    remark(f"key {key.id} ({key.name}) is revoked")


def _day(at: float | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _state(key: "ApiKey") -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.is_live:
        return "over"
    return "valid" if key.expires_at is None else f"valid until {_day(key.expires_at)}"
