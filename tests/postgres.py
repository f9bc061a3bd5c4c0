"""PostgreSQL for tests: a server of the session's own, on a free port, in a folder that goes away with it.

Debian puts its programs beside the PATH, so they are looked for there too; HOMEBEAT_TEST_POSTGRES names another folder.
It refuses to run as root: started by root, it runs as `postgres`, or as `nobody` where there is no such user.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import psycopg

from streams.kafka.embedded import dies_with_parent, end_child
from tests.brokers import HOST, free_ports
from tests.requirements import require

VARIABLE = "HOMEBEAT_TEST_POSTGRES"
DEBIAN = Path("/usr/lib/postgresql")
USER = "homebeat"
START_WITHIN_S, STOP_WITHIN_S = 60.0, 10.0
PAUSE_S = 0.05
INITDB = ("--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--no-instructions")
LANGUAGE = ("--locale", "C", "--locale-provider", "icu", "--icu-locale", "en-US")
"""As a hospital's server would be: it sorts by language, not by bytes."""
SETTINGS = ("fsync=off", "full_page_writes=off", "unix_socket_directories=", f"listen_addresses={HOST}")
"""Nothing of it is kept. `synchronous_commit` is as in production: what a commit costs there is felt here."""


def programs() -> Path:
    """The folder of PostgreSQL's programs; skips the test when there is none."""
    named = os.environ.get(VARIABLE)
    on_path = shutil.which("initdb")
    newest_first = sorted(DEBIAN.glob("*/bin"), key=lambda folder: -int(re.sub(r"\D", "", folder.parent.name) or 0))
    folders = [Path(named)] if named else [*([Path(on_path).resolve().parent] if on_path else []), *newest_first]
    found = next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)
    require("postgres", found, f"no PostgreSQL: install it, or name the folder of its programs in {VARIABLE}")
    return Path(str(found))


class Postgres:
    """A server. `schema` makes an empty place in it and answers with its address; so does `database`, at more cost."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="homebeat-postgres-"))
        self._user = _unprivileged()
        self.port = free_ports(1)[0]
        if self._user is not None:
            os.chown(self._folder, self._user, -1)
        self._run("initdb", "--pgdata", str(self._data), *INITDB, *LANGUAGE)

    def start(self) -> None:
        settings = [part for one in SETTINGS for part in ("-c", one)]
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self._folder,
                user=self._user, preexec_fn=dies_with_parent(os.getpid()),
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """Stop it at once, and return when none of its processes answers any more; its data stay.

        Asked by SIGQUIT it ends those that serve its clients first: killed, it would leave them to answer for a while.
        """
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            end_child(self._process, STOP_WITHIN_S)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self) -> str:
        """An empty database that no other test has."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with self.connection() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def schema(self) -> str:
        """An empty schema that no other test has."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with self.connection() as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def url(self, database: str) -> str:
        """The address as people write it, without a driver in it."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}"

    def connection(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=20)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=self._folder, user=self._user,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stdout}")

    def _wait(self) -> None:
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError), self.connection():
                return
            time.sleep(PAUSE_S)
        raise RuntimeError(f"PostgreSQL does not answer:\n{(self._folder / 'log').read_text(errors='replace')[-2000:]}")


def _unprivileged() -> int | None:
    """The user to run as; None when we are one already."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name: one.pw_uid for one in pwd.getpwall()}
    return known.get("postgres", known["nobody"])
