"""What every command shares: its settings, its answer on stdout, and its options."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from streams.configuration.settings import Settings

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
INSTANT_HELP = "RFC 3339, such as 2026-01-05T08:00:00Z."
port_option = click.option("--port", type=click.IntRange(0, 65_535), help="Port of HTTP; 0 is any free one.")


def settings_for(*, serving: bool = False, **overrides: Any) -> "Settings":
    """The settings of this command, options before environment before file, with logging set up after them.

    serving: False for a command that ends by itself and speaks in one line; True for a server, whose libraries may
    be heard.
    """
    from streams.configuration.environment import load_settings
    from streams.serving.logs import configure_logging

    if debugging():
        overrides["log_level"] = "debug"
    settings = load_settings(**overrides)
    configure_logging(settings.log_level, settings.log_format, libraries=serving)
    return settings


async def reached(settings: "Settings") -> None:
    """Return when the broker answers; then warn of the secret that everybody knows. Raises BrokerUnreachable."""
    import logging

    from streams.kafka.connection import reach

    await reach(settings)
    if settings.development_secret:
        logging.getLogger("homebeat").warning(
            "signing with the PUBLIC development secret: anybody who can write to the topics can withdraw consent or "
            "silence alerts. Set HOMEBEAT_SECRET (16 characters or more, the same for every process)."
        )


def debugging() -> bool:
    """Whether `homebeat --debug` was said."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("debug"))


def answer(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Print what a command found: `text` for people, or `result` as the one JSON object."""
    click.echo(json.dumps(result, default=str) if as_json else text)


def figures(result: dict[str, Any]) -> str:
    """A flat result for people: one `name value` a line, nested objects indented."""
    return "\n".join(_figure_lines(result, ""))


def _figure_lines(result: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in result.items():
        words = indent + name.replace("_", " ")
        if isinstance(value, dict):
            lines += [f"{words}: {'' if value else 'none'}".rstrip(), *_figure_lines(value, indent + "  ")]
        else:
            lines.append(f"{words}: {f'{value:,.6g}' if isinstance(value, float) else value}")
    return lines


def instant(name: str, text: str | None) -> datetime | None:
    """The instant that an option names. Raises click.BadParameter."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is not an instant with an offset, such as 2026-01-05T08:00:00Z", param_hint=f"--{name}"
        )
    return at
