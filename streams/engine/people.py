"""What is kept of a patient outside the columns: who it is, the profile, episodes, and what was done. Small, because
there are many and of most of them nothing is open."""

import zlib
from collections.abc import Sequence

import msgspec

from alerts.episodes import Episode
from streams.engine.origins import NOTHING

_WORDS = (
    b'"strata":{"ethnicity":null,"language":"en","deprivation_quintile":,"anchor":"surgery","gestation","cycle_day1",'
    b'"phenotype":"normal_metaboliser","intermediate_metaboliser","genomics":[{"gene":"CYP2C19","phenotype":"'
    b'"poor_metaboliser","confirmed":true}],"confirmed":false},"height_cm":1,"weight_kg":,"sex":"male","female","usual":{'
    b'"resting_heart_rate":,"skin_tone":{"scale":"monk","value":},"fitzpatrick","targets":[{"vital":"spo2","low":88,'
    b'"high":92,"author":"dr-","reason":"hypercapnia risk"}],"trajectories":[{"condition":"","anchor":"discharge",'
    b'"date":"20"}],"timezone":"America/New_York","Europe/London","Europe/Berlin","conditions":[{"code":"","since":"2019-0"},'
    b'{"code":"diabetes","copd","hypertension","asthma","heart_failure","since":"2024-0"}],"medications":[{"code":"'
    b'metformin","amlodipine","furosemide","bisoprolol","metoprolol","start":"2025-12-01","stop":null}],"devices":[{"'
    b'device":"urn:dev:watch-","since":"2025-12-20","until":null}],"consent":{"monitoring":true,"genomics":true,"research"'
    b':false,"withheld_vitals":[],"since":"2025-12-20T00:00:00Z"},"care_team":"cardiology-home"'
    b'{"patient":"p-","version":1,"updated":"2026-01-05T07:00:00Z","birth_date":"1950-0'
)
"""Words of profiles, the commonest last: each document is compressed alone, and most of it is these. Part of the stored
form: another text is another format."""
_pack_devices = msgspec.msgpack.Encoder().encode
_unpack_devices = msgspec.msgpack.Decoder(dict[int, str]).decode
_PLAIN, _WITH_WORDS = b"\x00", b"\x01"


def compressed(document: bytes) -> bytes:
    """A document as it is kept: a quarter of its size or so.

    >>> raw = b'{"patient": "p-17", "version": 4, "consent": {"monitoring": true}}'
    >>> decompressed(compressed(raw)) == raw, len(compressed(raw)) < len(raw)
    (True, True)
    """
    packer = zlib.compressobj(level=9, wbits=-15, memLevel=9, zdict=_WORDS)
    small = packer.compress(document) + packer.flush()
    return _WITH_WORDS + small if len(small) < len(document) else _PLAIN + document


def decompressed(kept: bytes) -> bytes:
    """The document as it came. Raises ValueError for what no version has kept."""
    if kept[:1] == _PLAIN:
        return kept[1:]
    if kept[:1] != _WITH_WORDS:
        raise ValueError("a document is kept in an unknown form")
    try:
        return zlib.decompressobj(wbits=-15, zdict=_WORDS).decompress(kept[1:])
    except zlib.error as error:
        raise ValueError(f"a kept document is damaged: {error}") from error


class Person:
    """One patient. kept: the profile, see `compressed`; actions: ids of what was done; origins: see `origins`;
    life: how often the patient had been forgotten before; devices: names of those watched, by hash; faults: readings of
    each device that were refused for their time, in a row."""

    __slots__ = ("_episodes", "_faults", "actions", "kept", "kept_devices", "life", "name", "origins")

    def __init__(
        self, name: str, kept: bytes | None = None, episodes: list[Episode] | None = None,
        actions: Sequence[str] = (), origins: bytes = NOTHING, life: int = 0,
        kept_devices: bytes = b"", faults: dict[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.kept, self.actions, self.origins = name, kept, actions or (), origins
        self._episodes, self._faults = episodes or None, faults or None
        self.kept_devices, self.life = kept_devices, life

    @property
    def document(self) -> bytes | None:
        """The profile as it came."""
        return None if self.kept is None else decompressed(self.kept)

    @property
    def episodes(self) -> list[Episode]:
        """The episodes, to be changed in place."""
        if self._episodes is None:
            self._episodes = []
        return self._episodes

    @property
    def known_episodes(self) -> Sequence[Episode]:
        """The same, to be looked at."""
        return self._episodes or ()

    @property
    def devices(self) -> dict[int, str]:
        """Names of the devices watched, by hash. To change them, set them: a dict of each patient's own would be a
        tenth of all that is kept of the patient, and names are wanted seldom."""
        return _unpack_devices(self.kept_devices) if self.kept_devices else {}

    @devices.setter
    def devices(self, devices: dict[int, str]) -> None:
        self.kept_devices = _pack_devices(devices) if devices else b""

    @property
    def faults(self) -> dict[int, int]:
        """Refused readings by device, to be changed in place."""
        if self._faults is None:
            self._faults = {}
        return self._faults

    @property
    def known_faults(self) -> dict[int, int]:
        """The same, to be looked at."""
        return self._faults or {}
