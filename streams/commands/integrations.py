"""Which integrations may send by the gateway: `homebeat gateway add-key`, `remove-key`, `keys`."""

from typing import TYPE_CHECKING, Any

import click

from streams.commands.answers import answer, as_json_option, settings_for

if TYPE_CHECKING:
    from streams.gateway.keys import Scope

SCOPES = ("readings", "profiles")


@click.command("add-key")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="May be repeated.")
@click.option("--replace", is_flag=True, help="A new key instead of the one that is there.")
def add_key(name: str, scopes: tuple["Scope", ...], replace: bool) -> None:
    """Make a key for the integration NAME, which its readings name as their source.

    The key is shown once: only its hash is kept. A gateway that runs takes it up by itself.

    \b
    Example:
      homebeat gateway add-key watch-vendor --scope readings
    """
    from streams.gateway import keys as kept

    path = settings_for().gateway_keys
    key = kept.add_key(path, name, tuple(dict.fromkeys(scopes)), replace=replace)
    click.echo(f"{name} may send {' and '.join(dict.fromkeys(scopes))} with this key, shown this once:", err=True)
    click.echo(key)


@click.command("remove-key")
@click.argument("name")
def remove_key(name: str) -> None:
    """Take the key of NAME away: it opens nothing from its next request on.

    \b
    Example:
      homebeat gateway remove-key watch-vendor
    """
    from streams.gateway import keys as kept

    kept.remove_key(settings_for().gateway_keys, name)
    click.echo(f"the key of {name} opens nothing any more")


@click.command("keys")
@as_json_option
def keys(as_json: bool) -> None:
    """List the integrations that have a key.

    \b
    Example:
      homebeat gateway keys
    """
    from streams.gateway import keys as kept

    found = kept.read_keys(settings_for().gateway_keys)
    rows: list[dict[str, Any]] = [
        {"name": name, "scopes": key.scopes, "made": key.made and key.made.isoformat()} for name, key in found.items()
    ]
    lines = [f"{row['name']}  {' '.join(row['scopes'])}  {row['made'] or ''}".rstrip() for row in rows]
    answer({"keys": rows}, "\n".join(lines) or "none yet: homebeat gateway add-key NAME --scope readings", as_json)
