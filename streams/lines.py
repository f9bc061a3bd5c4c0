"""Lines of a file, gzip or not, or of standard input: in bounded memory, and never waiting for more than is there."""

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from streams.errors import Failed

READ_BYTES = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"
STDIN = 0


class Line(NamedTuple):
    """One line as it stands in the file, without its end; number counts from 1."""

    number: int
    content: bytes


class Readable(Protocol):
    """What `read1` gives: at least one byte, as many as are there already, or none at the end."""

    def read1(self, size: int, /) -> bytes: ...


class File:
    """A file that is being read. `read1` raises Failed when it cannot be, or turns out not to be whole gzip."""

    def __init__(self, path: Path, stream: Readable) -> None:
        self._path = path
        self._stream = stream

    def read1(self, size: int, /) -> bytes:
        try:
            return self._stream.read1(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as wrong:
            raise Failed(f"{self._path} is not whole gzip: {wrong}") from None
        except OSError as wrong:
            raise Failed(f"{self._path} cannot be read: {wrong.strerror or wrong}") from None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[File]:
    """Open a file, `-` for standard input; gzip is told by its first bytes, whatever the name. Raises OSError."""
    with os.fdopen(os.dup(STDIN), "rb") if str(path) == "-" else path.open("rb") as raw:
        zipped = raw.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
        yield File(path, gzip.GzipFile(fileobj=raw) if zipped else raw)


def line_batches(stream: Readable, line_bytes_max: int) -> Iterator[list[Line]]:
    """The lines that are there, batch after batch, blank ones left out.

    A line over `line_bytes_max` comes cut to at most `line_bytes_max + 1` bytes: its length gives it away, and a file
    without line ends cannot fill the memory.
    """
    number = 0
    for contents in content_batches(stream, line_bytes_max):
        yield _numbered(contents, number, line_bytes_max)
        number += len(contents)


def content_batches(stream: Readable, line_bytes_max: int) -> Iterator[list[bytes]]:
    """The same without numbers and with blank lines, for whoever reads millions."""
    rest = b""
    while chunk := stream.read1(READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        yield whole
        rest = rest[: line_bytes_max + 1]
    yield [rest]


def _numbered(contents: list[bytes], before: int, line_bytes_max: int) -> list[Line]:
    stripped = (Line(n, content.rstrip(b"\r")) for n, content in enumerate(contents, before + 1))
    return [Line(n, content[: line_bytes_max + 1]) for n, content in stripped if content.strip()]
