"""`headwater simulate`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from headwater.cli.reading import draft
from headwater.cli.simulate import example, faults, rate, seconds
from headwater.config.models import RateLimit
from headwater.errors import UsageError

Run = Callable[..., Result]
SOURCE = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize(
    ("text", "value"), [("20ms", 0.02), ("0.5s", 0.5), ("2", 2.0), ("0ms", 0.0)]
)
def test_latency(text: str, value: float) -> None:
    """A time is written in ms or s."""
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "fast", "-1s", "2h"])
def test_latency_that_is_none(text: str) -> None:
    """Any other text is refused with what to write."""
    with pytest.raises(UsageError, match=r"write 20ms or 0\.5s"):
        seconds(text)


def test_faults() -> None:
    """Faults are a name and a share each."""
    assert faults(["429=0.05", "cut=0.01"]) == {"429": 0.05, "cut": 0.01}


@pytest.mark.parametrize("text", ["429", "429=", "429=often"])
def test_faults_that_are_none(text: str) -> None:
    """Any other text is refused with what to write."""
    with pytest.raises(UsageError, match=r"\(write 429=0\.05\)$"):
        faults([text])


def test_rate() -> None:
    """A rate is a number and a span of time; any other text is refused with what to write."""
    assert rate("200/minute") == RateLimit(requests=200, per="minute")
    for text in ("200", "0/minute", "x/minute", "5/week", "5/"):
        with pytest.raises(UsageError, match="write 200/minute"):
            rate(text)


def test_example_for_a_connector() -> None:
    """The line shown loads from the simulated API, with any key where none is set."""
    found = draft("time_tracking", {}, lambda name, of: None)
    assert example("time_tracking", found, "http://127.0.0.1:8000", {}) == (
        "API_KEY=any headwater sync time_tracking --set base_url=http://127.0.0.1:8000"
    )


def test_example_for_a_fixed_address(run: Run, good: str) -> None:
    """Where the address is no parameter, the line says what to write."""
    found = draft(good, {})
    assert example(good, found, "http://127.0.0.1:8000", {}) == (
        "write client.base_url: http://127.0.0.1:8000 in a copy of the config to load from it"
    )


def test_it_serves_until_interrupted(good: str, tmp_path: Path) -> None:
    """The address printed answers, and Ctrl-C ends it without a word."""
    pytest.importorskip("headwater.simulate")
    process = subprocess.Popen(
        [sys.executable, "-c", "from headwater.cli import main; main()", "simulate", good],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        name, _, base_url, *_ = process.stdout.readline().split()
        with urllib.request.urlopen(f"{base_url}/posts", timeout=10) as answer:
            rows = json.load(answer)["data"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert name == "tracker"
    assert rows[0]["id"]
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_said(run: Run, good: str) -> None:
    """A port that another program has is exit code 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("simulate", good, "--port", str(port))
    assert (result.exit_code, result.stderr) == (2, f"--port {port}: address already in use\n")
