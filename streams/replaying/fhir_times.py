"""What a FHIR Observation in a file says of its time, for whoever has to know that and nothing else of it."""

import msgspec

from models.readings import Instant


class _Began(msgspec.Struct, gc=False):
    start: Instant | None = None


class _Sampled(msgspec.Struct, gc=False):
    period: float = 0.0
    data: str | None = None

    def span_s(self) -> float:
        return self.period / 1000 * len((self.data or "").split())


class _Component(msgspec.Struct, gc=False):
    valueSampledData: _Sampled | None = None


class Observed(_Component, gc=False):
    """When a FHIR Observation was measured, and for how long."""

    effectiveDateTime: Instant | None = None
    effectiveInstant: Instant | None = None
    effectivePeriod: _Began | None = None
    issued: Instant | None = None
    component: list[_Component] = []

    def at(self) -> Instant | None:
        began = self.effectivePeriod.start if self.effectivePeriod else None
        return self.effectiveDateTime or self.effectiveInstant or began or self.issued

    def span_s(self) -> float:
        parts = (part.valueSampledData for part in (self, *self.component))
        return max((part.span_s() for part in parts if part), default=0.0)


def observed_in(line: bytes) -> Observed:
    """What this line says; nothing, if it is no Observation that can be read."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Observed()


_decode = msgspec.json.Decoder(Observed).decode
