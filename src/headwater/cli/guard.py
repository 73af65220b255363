"""Errors at the command line: one line each on stderr, an exit code, no traceback unless asked."""

from __future__ import annotations

import errno
import json
import logging
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from headwater.errors import ConfigError, HeadwaterError

__all__ = [
    "Commands",
    "ask_for_json",
    "ask_for_traceback",
    "calm_asyncio",
    "calm_full_disk",
    "document_said",
    "problems_of",
    "say_error",
]

INTERRUPTED = 130
FAULT = 70
DEBUG_KEY = "headwater.debug"
JSON_KEY = "headwater.json"


def ask_for_traceback(context: typer.Context, wanted: bool) -> bool:
    """Callback of `--debug`: remembered for the error that may come."""
    context.meta[DEBUG_KEY] = wanted
    return wanted


def ask_for_json(context: typer.Context, wanted: bool) -> bool:
    """Callback of `--json`: an error then leaves a JSON document on stdout too."""
    context.meta[JSON_KEY] = wanted
    return wanted


def document_said(context: typer.Context) -> None:
    """Says that stdout has its JSON document: an error that follows adds none."""
    context.meta[JSON_KEY] = False


class Commands(TyperGroup):
    """The commands, in the order written, with every exception turned into an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HeadwaterError as error:
            self.trace(ctx)
            if is_interrupted(error):
                say_error("interrupted")
                raise typer.Exit(INTERRUPTED) from None
            say_error(str(error))
            self.document(ctx, error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            self.trace(ctx)
            say_error("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if is_for_click(error):
                raise
            self.trace(ctx)
            text = " ".join(str(error).split())
            say_error(f"headwater failed: {type(error).__name__}: {text}")
            self.document(ctx, error)
            if not ctx.meta.get(DEBUG_KEY):
                typer.echo("run again with --debug for the traceback", err=True)
            raise typer.Exit(FAULT) from None

    def trace(self, ctx: Any) -> None:
        if ctx.meta.get(DEBUG_KEY):
            traceback.print_exc()

    def document(self, ctx: Any, error: Exception) -> None:
        if not ctx.meta.get(JSON_KEY):
            return
        document = {"ok": False, "problems": problems_of(error)}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def problems_of(error: Exception) -> list[dict[str, str]]:
    """What is wrong, as it stands in a JSON document."""
    if isinstance(error, ConfigError):
        return [{"where": p.where, "what": p.what, "hint": p.hint} for p in error.problems]
    return [{"where": "", "what": str(error), "hint": ""}]


def is_interrupted(error: BaseException) -> bool:
    """Whether a Ctrl-C is at the bottom of `error`: dlt wraps it like a failure."""
    seen: list[BaseException] = []
    below: BaseException | None = error
    while below is not None and below not in seen:
        seen.append(below)
        below = below.__cause__ or below.__context__
    return isinstance(seen[-1], KeyboardInterrupt)


def calm_asyncio() -> None:
    """Leaves out what asyncio logs of generators that a Ctrl-C stopped in the middle.

    And what dlt logs of a job that failed: the run ends with that error, in one line.
    """
    noise = (
        "an error occurred during closing of asynchronous generator",
        "Task was destroyed but it is pending",
    )
    logging.getLogger("asyncio").addFilter(
        lambda record: not any(words in record.getMessage() for words in noise)
    )
    logging.getLogger("dlt").addFilter(
        lambda record: "died in uncontrollable manner" not in record.getMessage()
    )


def calm_full_disk() -> None:
    """Leaves out tracebacks of files that cannot be closed for want of room: that is said once."""
    before = sys.unraisablehook

    def hook(failed: sys.UnraisableHookArgs) -> None:
        full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if not (isinstance(failed.exc_value, OSError) and failed.exc_value.errno in full):
            before(failed)

    sys.unraisablehook = hook


def is_for_click(error: Exception) -> bool:
    """Whether the command-line library itself ends the program on `error`."""
    if isinstance(error, OSError):
        return error.errno == errno.EPIPE
    return isinstance(error, (typer.Exit, typer.Abort)) or hasattr(error, "exit_code")


def say_error(text: str) -> None:
    """`text` on stderr, each of its lines after a red `error:` on a terminal, plain elsewhere."""
    prefix = typer.style("error: ", fg="red", bold=True) if sys.stderr.isatty() else ""
    for line in text.splitlines():
        typer.echo(f"{prefix}{line}", err=True)
