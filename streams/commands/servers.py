"""What runs until it is stopped: the demo, the worker, the desk, the gateway, the notifier."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import click

from streams.commands.answers import answer, as_json_option, figures, port_option, reached, settings_for
from streams.commands.integrations import add_key, keys, remove_key
from streams.commands.people import add_user, link, remove_user, users
from streams.errors import Failed, WrongSettings

if TYPE_CHECKING:
    from streams.configuration.settings import Settings


@click.command(short_help="The whole system on this machine, nothing to install.")
@click.option("--for", "for_s", type=click.FloatRange(1, 86_400), metavar="SECONDS", help="Stop by itself after this.")
@port_option
@as_json_option
def demo(for_s: float | None, port: int | None, as_json: bool) -> None:
    """The whole system on this machine, with nothing to install beside it.

    Starts an embedded broker (memory only: everything is gone when it stops), a worker, the desk and a receiver of
    webhooks, and plays bundled real data in fast time. With --for it ends by itself, and exits 0 only if readings
    were decided and at least one alert reached the desk and the webhook.

    \b
    Examples:
      homebeat demo                    then open the page that it names
      homebeat demo --for 30 --json    prove that the whole way works
    """
    from streams.demo.run import run_demo

    settings_for()
    result = run_demo(for_s=for_s, port=port, as_json=as_json)
    answer(result, figures(result), as_json)
    if for_s is not None and not (result["decided"] and result["alerts"] and result["delivered"]):
        raise Failed(
            f"in {for_s:g} s the demo decided {result['decided']} readings, {result['alerts']} alerts reached the desk "
            f"and {result['delivered']} the webhook: each should be at least 1; give it more time with --for"
        )


@click.command(short_help="Decides readings; any number share the work.")
@port_option
def worker(port: int | None) -> int:
    """A worker: decides the readings of its share of the patients.

    Start any number with the same settings, and they share the work; when one dies the others take over from its last
    checkpoint. Creates the topics that are missing. Runs the notifier too, unless HOMEBEAT_NOTIFIER=off.

    \b
    Example:
      HOMEBEAT_BROKER=kafka-1:9092 HOMEBEAT_SECRET=... homebeat worker
    """
    settings = settings_for(serving=True, http_port=port)
    asyncio.run(reached(settings))
    from streams.worker.worker import run_worker  # after the broker answered: Faust takes a while to import

    return run_worker(settings)


@click.group(short_help="The care team's page and its API.", invoke_without_command=True)
@port_option
@click.pass_context
def desk(ctx: click.Context, port: int | None) -> None:
    """The care team's page: the worklist, each patient against their own band, and what to do about it.

    Who may sign in is kept in the desk's own database: make an account with `homebeat desk add-user`.

    \b
    Example:
      HOMEBEAT_BROKER=kafka-1:9092 HOMEBEAT_SECRET=... homebeat desk --port 8460
    """
    if ctx.invoked_subcommand is not None:
        return
    from streams.serving.process import run_async

    settings = settings_for(serving=True, http_port=port)
    run_async(lambda stop: _desk(settings, stop))


for subcommand in (add_user, remove_user, users, link):
    desk.add_command(subcommand)


async def _desk(settings: "Settings", stop: asyncio.Event) -> None:
    await reached(settings)
    from alerts.desk import DeskError, run_desk
    from streams.assembly import desk_config
    from streams.serving.process import bulk_collector

    try:
        with bulk_collector():  # else it looks through all libraries in the middle of an answer, for 100 ms and more
            await run_desk(desk_config(settings), stop)
    except DeskError as wrong:
        raise Failed(str(wrong)) from None


@click.group(short_help="Readings and profiles by HTTP and MQTT.", invoke_without_command=True)
@port_option
@click.pass_context
def gateway(ctx: click.Context, port: int | None) -> None:
    """The gateway: readings and profiles by HTTP and MQTT, for integrations that do not speak Kafka.

    Each integration needs a key: make one with `homebeat gateway add-key`. MQTT where HOMEBEAT_MQTT_URL names a broker.

    \b
    Example:
      HOMEBEAT_BROKER=kafka-1:9092 homebeat gateway --port 8462
    """
    if ctx.invoked_subcommand is not None:
        return
    from streams.serving.process import run_async

    settings = settings_for(serving=True, http_port=port)
    run_async(lambda stop: _gateway(settings, stop))


for subcommand in (add_key, remove_key, keys):
    gateway.add_command(subcommand)


async def _gateway(settings: "Settings", stop: asyncio.Event) -> None:
    from streams.gateway.server import run_gateway

    await run_gateway(settings, stop)


@click.command(short_help="Tells care teams and webhooks, in a process of its own.")
@port_option
def notifier(port: int | None) -> None:
    """The notifier alone: tells care teams and webhooks, and writes what became of it on `deliveries`.

    For deployments where workers must not reach the outside: HOMEBEAT_NOTIFIER=off there, and this beside them.

    \b
    Example:
      HOMEBEAT_TEAMS_FILE=teams.toml homebeat notifier
      HOMEBEAT_WEBHOOK_URLS=https://pager.example/homebeat homebeat notifier
    """
    from streams.serving.process import run_async

    settings = settings_for(serving=True, http_port=port)
    if not settings.tells_somebody:
        raise WrongSettings(
            "there is nobody to tell: set HOMEBEAT_TEAMS_FILE to the care teams, or HOMEBEAT_WEBHOOK_URLS to addresses "
            "that are told of every alert"
        )
    run_async(lambda stop: _notifier(settings, stop))


async def _notifier(settings: "Settings", stop: asyncio.Event) -> None:
    from streams.assembly import notifier_config
    from streams.kafka.broker_watch import BrokerWatch
    from streams.notifier.notifier import run_notifier
    from streams.notifier.readiness import Telling, standing
    from streams.serving.health import HealthServer

    await reached(settings)
    watch, telling = BrokerWatch(settings), Telling()
    watching = asyncio.create_task(watch.run())
    ready = partial(standing, telling, watch.why_not)
    try:
        async with HealthServer(settings.http_host, settings.port_of("notifier"), ready=ready):
            await run_notifier(notifier_config(settings), stop, telling)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
