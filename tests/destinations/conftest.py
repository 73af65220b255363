"""A Postgres of our own for the length of the tests, in a temporary folder, on a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.destinations.places import KINDS, Place
from tests.load.conftest import api

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))


__all__ = ["Postgres", "api", "place", "postgres"]


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server; `url` leads to its empty database."""

    url: str


def programs() -> Path | None:
    """The folder with initdb and postgres; None where Postgres is not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def unprivileged() -> str | None:
    """Whom the server runs as: the server refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def why_not() -> str:
    """Why there can be no Postgres here; empty where there can."""
    if programs() is None:
        return "Postgres is not installed (apt-get install postgresql)"
    if find_spec("psycopg2") is None:
        return "psycopg2 is not installed (pip install 'headwater[postgres]')"
    user = unprivileged()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "" if user is None or user in known else f"there is no user {user} to run it as"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that only this session uses; stopped by its process id after."""
    if reason := why_not():
        pytest.skip(reason)
    with TemporaryDirectory(prefix="headwater-postgres-") as folder:
        home, user = Path(folder), unprivileged()
        if user:
            shutil.chown(home, user)
        with running(home, user, free_port()) as server:
            yield server


@contextmanager
def running(home: Path, user: str | None, port: int) -> Iterator[Postgres]:
    where = programs()
    assert where is not None
    words = [str(where / "initdb"), "-D", str(home / "db"), "-U", "tester", "-A", "trust"]
    quick = ["--no-sync", "--no-locale", "--encoding=UTF8"]
    subprocess.run([*words, *quick], user=user, cwd=home, check=True, capture_output=True)
    settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    serve = [str(where / "postgres"), "-D", str(home / "db"), "-p", str(port), *options]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(serve, user=user, cwd=home, stdout=log, stderr=log)
    try:
        ready = [str(where / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
        waiting = f"until {' '.join(ready)}; do sleep 0.05; done"
        subprocess.run(["sh", "-c", waiting], check=True, timeout=30)
        yield Postgres(f"postgresql://tester:any@127.0.0.1:{port}/postgres")
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind."""
    kind = request.param
    if kind == "delta" and find_spec("deltalake") is None:
        pytest.skip("deltalake is not installed (pip install 'headwater[delta]')")
    url = ""
    if kind == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.url
    return Place(kind, tmp_path, url, dataset=request.node.name.partition("[")[0][-40:])
