"""Logs go to stderr, one line a record; stdout belongs to what a command answers.

No reading, profile or name of a patient is logged: values are on the topics, where consent and roles hold.
"""

import json
import logging
import sys
from datetime import UTC, datetime

LIBRARIES = ("aiokafka", "faust", "mode", "kafka", "aiohttp.access", "asyncio", "uvicorn.access")
"""Libraries that speak about every connection and request; they are heard from `warning` on, or with `debug`."""


def configure_logging(level: str = "info", log_format: str = "text", *, libraries: bool = True) -> None:
    """Send this process's logs to stderr.

    level: `debug info warning error`; log_format: `text` or `json`; libraries: False silences what Kafka's client
    says about a broker that is away, for commands that end with one line of their own.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    quiet = logging.WARNING if libraries else logging.CRITICAL
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else quiet)


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
