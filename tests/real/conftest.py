"""Real systems on loopback, each with a database of its own in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HOME = Path("/usr/share/redmine")
LOGS = Path("/var/log/redmine/default")
SEED = Path(__file__).with_name("redmine_rows.rb")
ISSUES = 444


@dataclass(frozen=True, slots=True)
class Redmine:
    """A Redmine that serves `issues` issues; `key` is its administrator's."""

    base_url: str
    key: str
    issues: int


def why_not() -> str:
    """Why Redmine cannot be started here; empty where it can."""
    if not (HOME / "config.ru").exists() or not shutil.which("puma"):
        return "Redmine is not installed (apt-get install redmine redmine-sqlite puma)"
    return "" if os.access(LOGS, os.W_OK) else f"{LOGS} cannot be written to (run as root)"


def in_redmine(env: dict[str, str], *command: str, timeout_s: float = 100) -> str:
    """The last line of what a command in Redmine's folder prints."""
    done = subprocess.run(
        command, cwd=HOME, env=env, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return (done.stdout.strip().splitlines() or [""])[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Returns once `url` answers at all."""
    for _ in range(300):
        assert server.poll() is None, "the web server of Redmine has ended"
        try:
            urllib.request.urlopen(url, timeout=20).close()
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


@pytest.fixture(scope="session")
def redmine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redmine]:
    """A Redmine with 444 issues in a SQLite file of its own, on a free port."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("redmine")
    port = free_port()
    env = {
        **os.environ,
        "HOME": str(folder),
        "RAILS_ENV": "production",
        "DATABASE_URL": f"sqlite3:{folder}/redmine.db",
        "SCHEMA": str(folder / "schema.rb"),
        "SECRET_KEY_BASE": "only-for-this-test",
        "ROWS": str(ISSUES),
    }
    in_redmine(env, "bundle", "exec", "rake", "db:migrate")
    key = in_redmine(env, "bundle", "exec", "rails", "runner", str(SEED))
    listen = f"tcp://127.0.0.1:{port}"
    with (folder / "puma.log").open("wb") as log:
        command = ["puma", "--bind", listen, "--environment", "production", "--threads", "4:4"]
        server = subprocess.Popen(command, cwd=HOME, env=env, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/issues.json", server)
            yield Redmine(f"http://127.0.0.1:{port}", key, ISSUES)
        finally:
            server.terminate()
            server.wait(timeout=20)
