"""What `homebeat check` finds of the gateway: whether anybody has a key, and whether its MQTT broker takes it."""

from collections.abc import Iterator

from streams.checking.result import Check
from streams.configuration.settings import Settings
from streams.errors import WrongSettings

MEND_MQTT = "start it or mend HOMEBEAT_MQTT_URL; till then nothing comes by MQTT, and the broker keeps what it can"


def gateway(settings: Settings) -> Iterator[Check]:
    """Nothing where no setting and no file says that there is one. Blocks."""
    if settings.gateway_keys_file is not None or settings.mqtt_url is not None or settings.gateway_keys.exists():
        yield _keys(settings)
    if settings.mqtt_url is not None:
        yield _mqtt(settings)


def _keys(settings: Settings) -> Check:
    from streams.gateway.keys import read_keys  # with the libraries of a server, which the other checks do without

    path = settings.gateway_keys
    try:
        found = read_keys(path)
    except WrongSettings as wrong:
        return Check("gateway keys", "bad", str(wrong), "mend the file, or move it away and make keys anew")
    if not found:
        mend = "`homebeat gateway add-key NAME --scope readings`; the gateway does not start without one"
        return Check("gateway keys", "warn", f"no integration has a key in {path}", mend)
    return Check("gateway keys", "ok", f"{', '.join(sorted(found)[:8])}{', ...' if len(found) > 8 else ''}")


def _mqtt(settings: Settings) -> Check:
    from streams.gateway.mqtt import address_of, ask

    why = ask(settings)
    name, address = "mqtt", address_of(settings)
    if why:
        return Check(name, "warn", f"the MQTT broker at {address} does not take us: {why}", MEND_MQTT)
    return Check(name, "ok", f"{address} takes us")
