"""Destinations as URLs: `duckdb:///file`, `postgresql://…`, `filesystem:///dir`, or a dlt name."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit, urlunsplit

import dlt
from dlt.common.destination.reference import DestinationReference

from headwater.errors import UsageError

__all__ = ["Target", "target_of"]

DUCKDB_SUFFIXES = (".duckdb", ".ddb", ".db")
SQL_SCHEMES = ("postgres", "postgresql")
FORMATS = ("parquet", "jsonl", "csv")
EXAMPLES = "write duckdb:///my.duckdb, postgresql://user:password@host/db, filesystem:///dir?format=parquet"
NAMES = ("duckdb", "postgres", "filesystem", "bigquery", "snowflake", "redshift", "databricks")


@dataclass(frozen=True, slots=True)
class Target:
    """Where tables go. `location` is for people, without a password."""

    name: str
    destination: Any
    location: str
    file_format: str | None = None
    table_format: str | None = None


def target_of(to: str) -> Target:
    """The destination that `to` names. Raises UsageError."""
    scheme, found, _ = to.partition("://")
    if not found:
        return by_name(to)
    try:
        parts = urlsplit(to)
    except ValueError as error:
        raise UsageError(f"--to {scheme}://…: {error} ({EXAMPLES})") from None
    if scheme == "duckdb":
        return duckdb_target(to.removeprefix("duckdb://"))
    if scheme in SQL_SCHEMES:
        return postgres_target(scheme, parts)
    if scheme in ("filesystem", "file"):
        return filesystem_target(to, parts.path or "/" + parts.netloc, parts.query)
    raise UsageError(f"--to {scheme}://…: unknown kind of destination `{scheme}` ({EXAMPLES})")


def postgres_target(scheme: str, parts: SplitResult) -> Target:
    """A Postgres; a password that the URL lacks is that of PGPASSWORD, as in psql."""
    host = parts.hostname or ""
    host = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
    if not host or not parts.path.strip("/"):
        raise UsageError(f"--to {scheme}://…: host or database is missing ({EXAMPLES})")
    user = f"{parts.username}@" if parts.username else ""
    shown = urlunsplit(("postgresql", f"{user}{host}", parts.path, "", ""))
    login, known = parts.netloc, os.environ.get("PGPASSWORD")
    if parts.username and parts.password is None and known:
        login = f"{parts.username}:{quote(known, safe='')}@{host}"
    url = urlunsplit(("postgresql", login, parts.path, parts.query, ""))
    return Target("postgres", dlt.destinations.postgres(credentials=url), shown)


def duckdb_target(rest: str) -> Target:
    """`/x.duckdb` is relative to here, `//x.duckdb` absolute (as in SQLAlchemy)."""
    path = rest.removeprefix("/")
    if not path:
        raise UsageError(f"--to duckdb://: the file is missing ({EXAMPLES})")
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"--to duckdb:///{path}: is a folder, not a file ({EXAMPLES})")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"--to duckdb:///{path}: there is no folder {file.parent}")
    whole = str(file.absolute())
    return Target("duckdb", dlt.destinations.duckdb(whole), whole)


def filesystem_target(to: str, path: str, query: str) -> Target:
    wanted = parse_qs(query).get("format", ["parquet"])[0]
    if wanted == "delta":
        if find_spec("deltalake") is None:
            hint = "pip install 'headwater[delta]'"
            raise UsageError(f"--to {to}: the package deltalake is not installed ({hint})")
        url = Path(path).absolute().as_uri()
        return Target("filesystem", dlt.destinations.filesystem(url), path, table_format="delta")
    if wanted not in FORMATS:
        raise UsageError(
            f"--to {to}: unknown format `{wanted}` (known: {', '.join(FORMATS)}, delta)"
        )
    url = Path(path).absolute().as_uri()
    return Target("filesystem", dlt.destinations.filesystem(url), path, file_format=wanted)


def by_name(name: str) -> Target:
    """A destination that dlt knows by name and configures itself."""
    try:
        found = DestinationReference.from_reference(name)
    except Exception:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean `{near[0]}`?" if near else EXAMPLES
        if Path(name).suffix in DUCKDB_SUFFIXES:
            hint = f"a DuckDB file is written duckdb:///{name}"
        raise UsageError(f"--to {name}: unknown destination ({hint})") from None
    return Target(name, found, f"dlt destination {name}")
