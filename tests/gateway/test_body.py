"""A body within its bounds: a bomb is stopped where it begins to go off, and what is not understood is said."""

import gzip
import itertools
from collections.abc import AsyncIterator, Iterable

import pytest

from streams import limits
from streams.gateway.answers import RequestRefused
from streams.gateway.body import Kind, check_length, is_packed, kind_of, read_body


class Chunks:
    """A body as it comes, and how much of it was asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self.asked = iter(chunks), 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.asked += len(chunk)
            yield chunk


def cut(body: bytes, size: int = 1000) -> Iterable[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
async def test_gzip_is_unpacked_however_it_is_cut(size: int) -> None:
    body = b"".join(b"%d," % number for number in range(5000))
    assert await read_body(Chunks(cut(gzip.compress(body), size)), packed=True) == body


async def test_an_empty_chunk_at_the_end_is_nothing_more() -> None:
    """As servers give one when the body is over."""
    assert await read_body(Chunks([gzip.compress(b"[1]"), b""]), packed=True) == b"[1]"


async def test_a_bomb_is_stopped_long_before_its_end() -> None:
    bomb = gzip.compress(b"0" * (40 * limits.GATEWAY_UNPACKED_BYTES_MAX), 9)
    coming = Chunks(cut(bomb))
    with pytest.raises(RequestRefused) as refused:
        await read_body(coming, packed=True)
    assert refused.value.status == 413
    assert str(limits.GATEWAY_UNPACKED_BYTES_MAX) in refused.value.sentence
    assert coming.asked < len(bomb) / 10


async def test_the_most_that_may_come_is_read() -> None:
    most = gzip.compress(b" " * limits.GATEWAY_UNPACKED_BYTES_MAX)
    assert len(await read_body(Chunks([most]), packed=True)) == limits.GATEWAY_UNPACKED_BYTES_MAX
    with pytest.raises(RequestRefused):
        await read_body(Chunks([gzip.compress(b" " * (limits.GATEWAY_UNPACKED_BYTES_MAX + 1))]), packed=True)


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    coming = Chunks(itertools.repeat(b"x" * 65_536))
    with pytest.raises(RequestRefused) as refused:
        await read_body(coming, packed=False)
    assert refused.value.status == 413
    assert coming.asked <= limits.GATEWAY_BODY_BYTES_MAX + 65_536


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (gzip.compress(b"[1]" * 99)[:-9], "ends too early"),
        (gzip.compress(b"[1]") + gzip.compress(b"[2]"), "one gzip member"),
        (gzip.compress(b"[1]") + b"more", "one gzip member"),
        (b"[1]", "not gzip"),
        (b"", "ends too early"),
    ],
    ids=["cut off", "two members", "more behind it", "plain", "nothing"],
)
@pytest.mark.parametrize("size", [1, 10_000])
async def test_what_is_not_whole_gzip_is_refused(body: bytes, words: str, size: int) -> None:
    with pytest.raises(RequestRefused, match=words) as refused:
        await read_body(Chunks(cut(body, size)), packed=True)
    assert refused.value.status == 400


def test_types_that_are_read() -> None:
    assert kind_of("application/json; charset=UTF-8") is Kind.JSON
    assert kind_of("Application/FHIR+json;fhirVersion=4.0") is Kind.JSON
    assert kind_of("application/x-ndjson") is Kind.LINES
    assert (is_packed("gzip"), is_packed(""), is_packed("Identity")) == (True, False, False)


@pytest.mark.parametrize("given", ["", "text/plain", "application/fhir+xml", "application/json; charset=utf-16"])
def test_types_that_are_not_read_are_told_what_is(given: str) -> None:
    with pytest.raises(RequestRefused, match="send ") as refused:
        kind_of(given)
    assert refused.value.status == 415


@pytest.mark.parametrize("given", ["br", "gzip, gzip", "deflate"])
def test_packings_that_are_not_read(given: str) -> None:
    with pytest.raises(RequestRefused, match="send gzip"):
        is_packed(given)


def test_a_length_that_is_too_large_is_refused_before_anything_is_read() -> None:
    with pytest.raises(RequestRefused):
        check_length(str(limits.GATEWAY_BODY_BYTES_MAX + 1))
    for fine in (None, "0", str(limits.GATEWAY_BODY_BYTES_MAX), "-1", "1e9", "²"):
        check_length(fine)
