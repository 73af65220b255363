"""`headwater simulate`: an API such as a config describes, on this machine, with made-up rows."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import ConfigName, Debug, Settings, settings
from headwater.cli.reading import Draft, draft, parameter_uses, real_secret
from headwater.cli.show import say
from headwater.errors import UsageError

if TYPE_CHECKING:
    from headwater.config.models import RateLimit
    from headwater.simulate import Simulator

__all__ = ["example", "faults", "rate", "seconds", "simulate"]

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)?")


def simulate(
    config: ConfigName,
    rows: Annotated[int, typer.Option(min=0, help="Rows of each listing without parents.")] = 25,
    seed: Annotated[int, typer.Option(help="Other rows for another number.")] = 0,
    latency: Annotated[
        str, typer.Option(metavar="TIME", help="Wait before each answer: 20ms, 0.5s.")
    ] = "0ms",
    fail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT=SHARE",
            help="The share of answers that fail: 429=0.05, or cut, html, slow. Repeatable.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    max_limit: Annotated[
        int | None, typer.Option(min=1, help="Largest page the API gives.", show_default=False)
    ] = None,
    rate_limit: Annotated[
        str | None,
        typer.Option(metavar="N/PER", help="Refuse what is more: 200/minute.", show_default=False),
    ] = None,
    set_: Settings = None,
    debug: Debug = False,
) -> None:
    """Serve an API like the one a config describes, on loopback.

    It runs until Ctrl-C, and asks for the credentials of the config where they are set, else
    for any.
    """
    from headwater.simulate import Options, serve

    given = settings(set_)
    found = draft(config, given, real_secret)
    options = Options(
        rows=rows,
        seed=seed,
        latency_s=seconds(latency),
        faults=faults(fail),
        max_limit=max_limit,
        rate_limit=rate(rate_limit) if rate_limit else None,
        secrets_checked=not unset_secrets(found),
    )

    def started(api: Simulator) -> None:
        say(f"{found.config.name} at {api.base_url} (Ctrl-C ends it)")
        say(example(config, found, api.base_url, given))

    try:
        serve(found.plan, options, port=port, started=started)
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise UsageError(f"--port {port}: {why}") from error


def seconds(text: str) -> float:
    """The seconds in `20ms`, `0.5s` or `0.5`. Raises UsageError."""
    match = DURATION.fullmatch(text.strip())
    if not match:
        raise UsageError(f"--latency {text}: not a time (write 20ms or 0.5s)")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def faults(texts: Iterable[str] | None) -> dict[str, float]:
    """The shares that `429=0.05` texts give. Raises UsageError."""
    found: dict[str, float] = {}
    for text in texts or ():
        name, sign, share = text.partition("=")
        try:
            found[name.strip()] = float(share)
        except ValueError:
            sign = ""
        if not sign:
            raise UsageError(f"--fail {text}: a fault and a share are expected (write 429=0.05)")
    return found


def rate(text: str) -> RateLimit:
    """The rate that `200/minute` is. Raises UsageError."""
    from headwater.config.models import RateLimit

    count, _, per = text.partition("/")
    given: Any = {"requests": count, "per": per}
    try:
        return RateLimit(**given)
    except ValueError:
        hint = "write 200/minute; second, hour and day are known too"
        raise UsageError(f"--rate-limit {text}: not a rate ({hint})") from None


def unset_secrets(found: Draft) -> list[str]:
    """The secrets of a config that have no value."""
    return [name for name in (secret_of(str(item)) for item in found.missing) if name]


def secret_of(problem: str) -> str:
    match = re.search(r"secret `([\w.]+)` has no value", problem)
    return match[1] if match else ""


def example(config: str, found: Draft, base_url: str, given: Mapping[str, str]) -> str:
    """A command line that loads from the simulated API, or what to write for one."""
    uses = parameter_uses(found.config.document.raw)
    url_names = [
        name
        for name, places in uses.items()
        if any(key == "base_url" and text.startswith("{params.") for key, text in places)
    ]
    if not url_names:
        return f"write client.base_url: {base_url} in a copy of the config to load from it"
    settings = dict.fromkeys(found.stand_ins, "1") | dict(given) | {url_names[0]: base_url}
    words = [f"{name.upper()}=any" for name in unset_secrets(found)]
    words += ["headwater", "sync", config]
    for name, value in settings.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)
