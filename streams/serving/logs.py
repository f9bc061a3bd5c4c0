"""Logs go to stderr, one line a record; stdout belongs to what a command answers.

No reading, profile or name of a patient is logged, and no secret, at any level: values are on the topics, where consent
and roles hold.
"""

import json
import logging
import sys
from collections import OrderedDict
from datetime import UTC, datetime

LIBRARIES = ("aiokafka", "faust", "mode", "kafka", "aiohttp.access", "asyncio", "uvicorn.access")
"""Libraries that speak about every connection and request: heard from `warning` on, with `debug` from `info`."""
OWN = ("homebeat", "streams", "alerts", "models")
"""Whose `debug` is heard. That of libraries is not: Kafka's client quotes every record and login whole, what serves
pages quotes what it sends, and so would whatever library comes next."""

SAID_AGAIN_AFTER_S = 60.0
LINES_REMEMBERED = 256


def configure_logging(level: str = "info", log_format: str = "text", *, libraries: bool = True) -> None:
    """Send this process's logs to stderr.

    level: `debug info warning error`; log_format: `text` or `json`; libraries: False silences what Kafka's client
    says about a broker that is away, for commands that end with one line of their own.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    if level != "debug":
        handler.addFilter(Repeats())
    debug = level == "debug"
    logging.basicConfig(level="INFO" if debug else level.upper(), handlers=[handler], force=True)
    for name in OWN:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.NOTSET)
    quiet = logging.WARNING if libraries else logging.CRITICAL
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET if debug else quiet)


class Repeats(logging.Filter):
    """What a library says again word for word is passed on once a minute: Kafka's client tells ten times a second of a
    topic that is not there yet, and nothing else would be seen. What homebeat says itself is all passed on."""

    def __init__(self) -> None:
        super().__init__()
        self._said_s: OrderedDict[tuple[str, str], float] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        line = record.name, record.getMessage()
        if record.created - self._said_s.get(line, -SAID_AGAIN_AFTER_S) < SAID_AGAIN_AFTER_S:
            return False
        self._said_s[line] = record.created
        self._said_s.move_to_end(line)
        while len(self._said_s) > LINES_REMEMBERED:
            self._said_s.popitem(last=False)
        return True


class TextLines(logging.Formatter):
    """`2026-01-05T08:00:00.123Z info streams.worker.worker: joined`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_instant(record)} {record.levelname.lower()} {record.name}: {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object a line: `time level logger message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
