"""What works on files and on the package itself, most of it without a broker: replay, score, bench, evidence."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.commands.answers import INSTANT_HELP, answer, as_json_option, figures, instant, settings_for

if TYPE_CHECKING:
    from streams.configuration.settings import Settings

INPUT = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OUTPUT = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command(short_help="The same engine over files, no broker.")
@click.option("--readings", type=INPUT, multiple=True, metavar="F...", help="Readings, JSON lines; .gz too.")
@click.argument("more", type=INPUT, nargs=-1, metavar="")
@click.option("--profiles", type=INPUT, metavar="F", help="Profiles, JSON lines.")
@click.option("--actions", type=INPUT, metavar="F", help="What the care team did, JSON lines.")
@click.option("--out", type=OUTPUT, metavar="F", help="Write the AlertEvents there, canonical JSON lines.")
@click.option("--summaries", type=OUTPUT, metavar="F", help="Write the VitalSummaries there, JSON lines.")
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=4096, show_default=True, help="Readings a step.")
@click.option("--from-topic", is_flag=True, help="Read the topics of the broker instead of files.")
@click.option("--since", metavar="T", help=f"With --from-topic: from this arrival on. {INSTANT_HELP}")
@click.option("--until", metavar="T", help=f"With --from-topic: up to this arrival. {INSTANT_HELP}")
@click.option("--unknown-patients", type=click.Choice(["reject", "monitor"]), help="Patients without a profile.")
@as_json_option
def replay(as_json: bool, **options: Any) -> None:
    """The same engine over files, without a broker: the same input gives the same alerts, byte for byte.

    Records are taken in the order they arrived (`arrived`, else `at`); at the same instant profiles, then actions,
    then readings as they stand in the files.

    \b
    Examples:
      homebeat replay --readings day1.jsonl.gz day2.jsonl.gz --profiles profiles.jsonl --out alerts.jsonl
      homebeat replay --from-topic --since 2026-01-05T00:00:00Z --until 2026-01-06T00:00:00Z --out alerts.jsonl
    """
    files = [*options.pop("readings"), *options.pop("more")]
    _check_usage(files, options)
    settings = settings_for(unknown_patients=options["unknown_patients"])
    result = _from_topic(options, settings) if options["from_topic"] else _from_files(files, options, settings)
    answer(result, figures(result), as_json)


def _check_usage(files: list[Path], options: dict[str, Any]) -> None:
    """Files or topics, not both: a replay of half of what was meant would look like a good one."""
    if options["from_topic"] and (files or options["profiles"] or options["actions"] or options["summaries"]):
        raise click.UsageError("--from-topic takes all from the topics and writes alerts: name no other files")
    if not options["from_topic"] and not files:
        raise click.UsageError("say what to replay: --readings FILE..., or --from-topic")
    if not options["from_topic"] and (options["since"] or options["until"]):
        raise click.UsageError("--since and --until go with --from-topic")
    for name in ("since", "until"):
        options[name] = instant(name, options[name])
    if options["since"] and options["until"] and options["since"] > options["until"]:
        raise click.UsageError("--since must not be after --until")
    _check_outputs([*files, options["profiles"], options["actions"]], [options["out"], options["summaries"]])


def _check_outputs(read: list[Path | None], written: list[Path | None]) -> None:
    """No file is written over that this run reads or writes: readings that are gone are in no other file."""
    taken = {path.resolve() for path in read if path}
    for path in filter(None, written):
        if str(path) == "-":
            raise click.UsageError("standard output is for the figures: name a file in the place of -")
        if path.resolve() in taken:
            raise click.UsageError(f"{path} is named twice: write what comes of it to a file of its own")
        taken.add(path.resolve())


def _from_files(files: list[Path], options: dict[str, Any], settings: "Settings") -> dict[str, Any]:
    from streams.replaying.replay import run_replay

    named = {name: options[name] for name in ("profiles", "actions", "out", "batch", "summaries")}
    return run_replay(readings=files, unknown_patients=settings.unknown_patients, settings=settings, **named)


def _from_topic(options: dict[str, Any], settings: "Settings") -> dict[str, Any]:
    from streams.replaying.replay import run_replay_from_topic

    named = {name: options[name] for name in ("since", "until", "out", "batch")}
    return run_replay_from_topic(settings=settings, **named)


@click.command(short_help="Alerts against what truly happened.")
@click.option("--alerts", type=INPUT, required=True, metavar="F", help="AlertEvents, as `replay --out` writes them.")
@click.option("--labels", type=INPUT, required=True, metavar="F", help="What truly happened, JSON lines.")
@click.option(
    "--by",
    metavar="FIELD",
    help="Also for each value of this field: of the patients (age_band, sex, skin_tone, device, condition, ...), "
    "alerts or labels.",
)
@click.option(
    "--after",
    "after_days",
    type=click.FloatRange(0),
    default=0,
    metavar="DAYS",
    help="Leave out each one's first days.",
)
@click.option("--readings", type=INPUT, multiple=True, metavar="F", help="Readings: say how long each was observed.")
@click.option("--profiles", type=INPUT, metavar="F", help="Profiles, for --by a field of the patients.")
@as_json_option
def score(
    alerts: Path, labels: Path, by: str | None, after_days: float, readings: tuple[Path, ...], profiles: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Alerts held against what truly happened: how many were found, against how many by chance, at what burden.

    Labels are JSON lines {"patient", "start", "end", "problem"?, "until"?, "event_at"?, "category"?, "no_alert"?}.
    Hits expected by chance come from quiet windows of the same length; every figure has its interval. With --profiles
    the worst group decides: by age band, sex, skin tone, device and condition (or by FIELD of --by) the command fails
    if a group is known to be worse off than all patients by more than models/evidence/equity.yaml allows.

    \b
    Examples:
      homebeat score --alerts alerts.jsonl --labels labels.jsonl --json
      homebeat score --alerts alerts.jsonl --labels labels.jsonl --profiles profiles.jsonl --by sex
    """
    from models.times import US_PER_S
    from streams.scoring import score as scoring

    ahead_us = settings_for().clock_tolerance_s * US_PER_S
    result = scoring.run(
        alerts, labels, by, readings=readings, profiles=profiles, after_days=after_days, ahead_us=ahead_us
    )
    answer(result, scoring.as_text(result), as_json)
    _gated(result)


GATES = ("equity_failure", "desk_failure")
"""Where a result says in a sentence that what is promised does not hold."""


def _gated(result: dict[str, Any]) -> None:
    """What is promised decides: raises Failed, after the answer, when a group is worse off or a page slower than may
    be."""
    from streams.errors import Failed

    for gate in GATES:
        if result.get(gate):
            raise Failed(str(result[gate]))


@click.command(short_help="Measured figures with their ratios.")
@click.argument(
    "name", type=click.Choice(["throughput", "recovery", "desk", "soak", "scorecard", "forecast"]), required=False
)
@click.option(
    "--data", type=FOLDER, metavar="FOLDER", help="With scorecard: a cohort, or public data sets. With forecast: these."
)
@click.option("--set", "sets", type=click.Choice(["stanford", "lifesnaps", "tihm", "cgm"]), multiple=True,
              help="With scorecard: only these public sets.")  # fmt: skip
@click.option("--half", type=click.Choice(["tune", "hold"]), help="With scorecard: this half of the patients.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="With scorecard: keep the sets as JSON lines, and homebeat's alerts.")  # fmt: skip
@click.option("--fit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="With forecast: learn from everybody too, and write that network as in the evidence.")  # fmt: skip
@click.option("--patients", type=click.IntRange(1, 2_000_000), multiple=True,
              help="With recovery: so many; may be given several times. 10000 and 100000 by default; 1000000 takes "
              "minutes and 8 GiB. With desk: so many (100000).")  # fmt: skip
@click.option(
    "--database",
    metavar="URL",
    help="With desk: PostgreSQL in which tables desk_cache_* may be made anew; a file of SQLite by default.",
)
@click.option("--minutes", type=click.FloatRange(0.1, 10_000), help="With soak: for so long (60 by default).")
@click.option("--rate", type=click.FloatRange(1, 10_000_000), metavar="READINGS",
              help="With soak: so many a second, instead of half of what the worker can do.")  # fmt: skip
@click.option(
    "--broker",
    metavar="HOST:PORT",
    help="With soak and recovery: a Kafka on which topics soak.*, recovery-* may be made anew.",
)
@as_json_option
def bench(name: str | None, as_json: bool, **options: Any) -> None:
    """Measured figures with their ratios, all from one run on this machine; without NAME those of speed.

    `scorecard` runs homebeat's replay and published rules over the same data: what each finds, against chance, at what
    burden. `recovery` kills a worker that holds so many patients, and starts another. `desk` asks a desk with 100,000
    patients and 5,000 open alerts for the worklist, and for the page of a patient with 90 days; it fails when 95 of 100
    answers take 300 ms or more, and 500 ms. `soak` runs a worker at half its top rate for a long time: its memory must
    stay flat, its lag end at 0. `forecast` lets the network that foretells low glucose learn anew, and foretell for
    people of whom it has learned nothing, next to AR(2).

    \b
    Example:
      homebeat bench throughput --json
      homebeat bench desk --database postgresql://localhost/bench
      homebeat bench soak --minutes 5
      homebeat bench recovery --patients 100000 --broker localhost:9092
      homebeat bench scorecard --data cohort
      homebeat bench forecast --data cgm --fit network.yaml
    """
    minutes, broker, patients = options.pop("minutes"), options.pop("broker"), options.pop("patients")
    database, rate = options.pop("database"), options.pop("rate")
    if patients and (name not in ("recovery", "desk") or (name == "desk" and len(patients) > 1)):
        raise click.UsageError("--patients goes with recovery, and once with desk")
    if name != "desk" and database:
        raise click.UsageError("--database goes with desk")
    if (name != "soak" and (minutes or rate)) or (name not in ("soak", "recovery") and broker):
        raise click.UsageError("--minutes and --rate go with soak, --broker with soak or recovery")
    file = options.pop("fit")
    if file and name != "forecast":
        raise click.UsageError("--fit goes with forecast")
    if name == "scorecard":
        _scorecard(options, as_json)
        return
    if name == "forecast":
        _forecast(options.pop("data"), file, as_json)
        return
    if any(options.values()):
        raise click.UsageError("--data, --set, --half and --out go with scorecard, --data with forecast too")
    if name == "soak":
        from streams.benching.bench import run_soak

        result = run_soak(minutes, rate, broker)
    else:
        result = _measured(name, broker, patients, database)
    answer(result, figures(result), as_json)
    _gated(result)


def _measured(name: str | None, broker: str | None, patients: tuple[int, ...], database: str | None) -> dict[str, Any]:
    from streams.benching.bench import run_bench, run_desk_bench, run_recovery

    if name == "desk":
        settings_for()
        return run_desk_bench(patients[0] if patients else None, database)
    return run_recovery(patients, broker) if broker else run_bench(name, settings_for(), patients)


def _scorecard(options: dict[str, Any], as_json: bool) -> None:
    from streams.benching import scorecard

    data = options.pop("data")
    if data is None:
        raise click.UsageError("say where the data are: --data FOLDER")
    result = scorecard.measure(data, settings_for(), progress=lambda words: click.echo(words, err=True), **options)
    answer(result, scorecard.as_text(result), as_json)
    _gated(result)


def _forecast(data: Path | None, file: Path | None, as_json: bool) -> None:
    from streams.benching import foretelling

    if data is None:
        raise click.UsageError("say where the glucose sets are: --data FOLDER")
    settings_for()
    result = foretelling.measure(data, whole=file is not None, progress=lambda words: click.echo(words, err=True))
    if file and result.network is not None:
        file.write_text(foretelling.as_evidence(result.network), encoding="utf-8")
    answer(foretelling.as_json(result), foretelling.as_text(result), as_json)


@click.command(short_help="The clinical evidence in use, with its sources.")
@click.argument("id", required=False)
@as_json_option
def evidence(id: str | None, as_json: bool) -> None:
    """The clinical evidence in use, with its sources and how far each was checked.

    Without ID: every id, by file. With ID (of a vital, a rule, a condition, a drug class, a gene and drug, a source):
    all that is said there, and how it is used, or why it is left out.

    \b
    Examples:
      homebeat evidence
      homebeat evidence beta_blocker
      homebeat evidence TTR_amyloid
    """
    import yaml

    from streams.evidence_view import look_up, summary

    settings_for()
    result = look_up(id) if id else summary()
    answer(result, yaml.safe_dump(result, sort_keys=False, allow_unicode=True, width=120).rstrip(), as_json)
