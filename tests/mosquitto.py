"""Mosquitto for tests: an MQTT broker of the test's own, which keeps its sessions over a kill and a start."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from streams.kafka.embedded import dies_with_parent, end_child
from tests.brokers import HOST, free_ports
from tests.requirements import require

DEBIAN = Path("/usr/sbin/mosquitto")
START_WITHIN_S, PAUSE_S = 20.0, 0.05
SETTINGS = """
listener {port} {host}
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
allow_anonymous {anonymous}
"""


def program() -> str:
    """Where it is; skips the test when there is none. Debian puts it beside the PATH."""
    found = shutil.which("mosquitto") or (str(DEBIAN) if DEBIAN.exists() else None)
    require("mqtt", found, "mosquitto is not on the PATH: install it")
    return str(found)


class Mosquitto:
    """One broker. user, password: who alone may connect; anybody without. tls: its certificate and key."""

    def __init__(self, folder: Path, user: str = "", password: str = "", tls: tuple[Path, Path] | None = None) -> None:
        self._program, self._folder = program(), folder / "mosquitto"
        self._folder.mkdir()
        self.port = free_ports(1)[0]
        self._file = self._folder / "mosquitto.conf"
        text = SETTINGS.format(port=self.port, host=HOST, folder=self._folder, anonymous=str(not user).lower())
        if user:
            passwords = self._folder / "passwords"
            passwords.touch(mode=0o600)
            make = shutil.which("mosquitto_passwd")
            require("mqtt", make, "mosquitto_passwd is not on the PATH: it comes with mosquitto")
            subprocess.run([str(make), "-b", str(passwords), user, password], check=True, capture_output=True)
            text += f"password_file {passwords}\n"
        if tls:
            text += "certfile {}\nkeyfile {}\n".format(*tls)
        if os.geteuid() == 0:
            text += "user root\n"
        self._file.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._file)], stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"), start_new_session=True, preexec_fn=dies_with_parent(os.getpid()),
        )  # fmt: skip
        end = time.monotonic() + START_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"mosquitto did not start:\n{(self._folder / 'log').read_text()}")
            time.sleep(PAUSE_S)

    def _answers(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex((HOST, self.port)) == 0

    def stop(self) -> None:
        """As an operator would: it writes what it keeps."""
        if self._process is not None:
            end_child(self._process, START_WITHIN_S)
            self._process = None
