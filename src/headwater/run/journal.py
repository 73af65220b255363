"""The journal: pages of a run lie in a file until the run is safe, so that none is asked twice.

One file holds one run. A page is one record: lengths, a checksum, the digest of its request, what
was said about it, and its body. What a crash tore off at the end is cut away when it is read again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
import time
import uuid
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from headwater.errors import HeadwaterError
from headwater.events import Noticed
from headwater.fetch.auth import identity_of
from headwater.fetch.client import Ask, Client, Settings
from headwater.fetch.page import Page, Request

__all__ = ["Journal", "JournalBusy", "JournalledClient", "new_run", "run_to_resume"]

T = TypeVar("T")
MAGIC = b"hwp1"
HEAD = struct.Struct(">4sIQI16s")
KEPT_S = 24 * 3600.0
DIGEST_BYTES = 16
NOT_KEPT = ("set-cookie", "set-cookie2")


class JournalBusy(HeadwaterError):
    """Another process is at work on the same pipeline."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in the file. Unit: bytes."""

    offset: int
    meta_bytes: int
    body_bytes: int
    checksum: int


def run_to_resume(
    path: Path, arrived: Collection[str | None], *, now_s: float | None = None
) -> str | None:
    """The id of the run in `path`, where it did not arrive and is younger than a day.

    `arrived` are ids of runs whose data is safe.
    """
    head = read_head(path)
    if head is None or head["run"] in arrived:
        return None
    age_s = (time.time() if now_s is None else now_s) - head["started_s"]
    return str(head["run"]) if 0 <= age_s < KEPT_S else None


def read_head(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(1000))
    except (OSError, ValueError):
        return None
    fine = isinstance(head, dict) and isinstance(head.get("run"), str)
    return head if fine and isinstance(head.get("started_s"), (int, float)) else None


class Journal:
    """The pages of one run; open in one process at a time.

    `run` is the id to go on with: pages of a file with another id are thrown away.
    """

    def __init__(self, path: Path, run: str) -> None:
        self.path = path
        self.run = run
        self._places: dict[bytes, Place] = {}
        self._file: Any = None
        self._end = 0
        self._spoiled = False
        self.resumed = False

    @property
    def pages(self) -> int:
        """How many pages it holds."""
        return len(self._places)

    def open(self) -> None:
        """Takes the file for this process. Raises JournalBusy where another one has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            what = "another run of this pipeline is going on"
            raise JournalBusy(f"{self.path}: {what} (wait for it to end, then run again)") from None
        self._file = file
        head = read_head(self.path)
        if head is not None and head["run"] == self.run:
            self._read_places()
            self.resumed = bool(self._places)
        else:
            file.truncate(0)
            file.seek(0)
            head = {"run": self.run, "started_s": time.time()}
            self._end = 0
            self._append(json.dumps(head).encode() + b"\n")

    def _read_places(self) -> None:
        """Learns what the file holds, and cuts off what was torn at its end."""
        file = self._file
        size = os.fstat(file.fileno()).st_size
        file.seek(0)
        file.readline(1000)
        good = file.tell()
        while True:
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                break
            magic, meta_bytes, body_bytes, checksum, digest = HEAD.unpack(head)
            after = good + HEAD.size + meta_bytes + body_bytes
            if magic != MAGIC or after > size:
                break
            self._places[digest] = Place(good + HEAD.size, meta_bytes, body_bytes, checksum)
            file.seek(after)
            good = after
        file.truncate(good)
        self._end = good

    def get(self, digest: bytes) -> tuple[dict[str, Any], bytes] | None:
        """What was said about a page, and its body; None where it is not there, or damaged."""
        place = self._places.get(digest)
        if place is None or self._file is None:
            return None
        raw = os.pread(self._file.fileno(), place.meta_bytes + place.body_bytes, place.offset)
        if zlib.crc32(raw, seed_of(digest, place.meta_bytes, place.body_bytes)) != place.checksum:
            del self._places[digest]
            return None
        return json.loads(raw[: place.meta_bytes]), raw[place.meta_bytes :]

    def put(self, digest: bytes, meta: dict[str, Any], body: bytes) -> None:
        """Keeps a page. Raises HeadwaterError where there is no room; what is kept stays whole."""
        if self._file is None or digest in self._places:
            return
        said = json.dumps(meta).encode()
        checksum = zlib.crc32(body, zlib.crc32(said, seed_of(digest, len(said), len(body))))
        head = HEAD.pack(MAGIC, len(said), len(body), checksum, digest)
        start = self._end
        try:
            self._append(head + said, body)
        except OSError as error:
            os.ftruncate(self._file.fileno(), start)
            self._end = start
            what = f"cannot keep what was fetched: {error.strerror}"
            hint = "make room and run again: nothing that was kept is asked again"
            raise HeadwaterError(f"{self.path}: {what} ({hint})") from None
        self._places[digest] = Place(start + HEAD.size, len(said), len(body), checksum)

    def _append(self, *parts: bytes) -> None:
        """Writes at the end, straight to the file: a killed process loses nothing written."""
        file = self._file.fileno()
        whole = sum(map(len, parts))
        written = os.pwritev(file, parts, self._end)
        if written < whole:
            rest = b"".join(parts)[written:]
            while rest:
                written += (step := os.pwrite(file, rest, self._end + written))
                rest = rest[step:]
        self._end += whole

    def give_up(self) -> None:
        """Says that the run is not complete; one that had gone on already is not kept again.

        What it goes on with may be what stands in its way: a parent, say, that is no longer there.
        """
        if self.resumed:
            self.spoil()

    def spoil(self) -> None:
        """Says that the pages themselves are wrong: the next run must ask for new ones."""
        self._spoiled = True

    def close(self) -> None:
        """Gives the file back; what it holds stays, unless it is spoiled."""
        if self._file is not None:
            if self._spoiled:
                self._file.truncate(0)
            self._file.close()
            self._file = None


class JournalledClient(Client):
    """A client that keeps every answer it could use, and asks for none that is kept."""

    def __init__(self, journal: Journal, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.journal = journal
        self._told: set[str] = set()

    async def __aenter__(self) -> JournalledClient:
        self.journal.open()
        await super().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        self.journal.close()

    async def fetch(self, request: Request, ask: Ask, read: Callable[[Page], T]) -> T:
        digest = digest_of(request, ask, self.settings)
        kept = self.journal.get(digest)
        if kept is not None:
            meta, body = kept
            if ask.resource not in self._told:
                self._told.add(ask.resource)
                what = "goes on where an earlier run ended: what it had fetched is not asked again"
                self._listener(Noticed(ask.resource, what))
            page = await self.again(Page(request=request, body=body, **meta), ask)
            if page is not None:
                return read(replace(page, kept=True))

        def read_and_keep(page: Page) -> T:
            out = read(page)
            if page.status < 400 and not page.ignored:
                # As it came: code that changes answers is run again, and may be mended by then.
                came = page.wire or page
                self.journal.put(digest, meta_of(came), came.body)
            return out

        return await super().fetch(request, ask, read_and_keep)


def seed_of(digest: bytes, meta_bytes: int, body_bytes: int) -> int:
    """What a checksum begins with: lengths that were lost or garbled belong to no page."""
    return zlib.crc32(HEAD.pack(MAGIC, meta_bytes, body_bytes, 0, digest))


def meta_of(page: Page) -> dict[str, Any]:
    headers = {name: text for name, text in page.headers.items() if name not in NOT_KEPT}
    return {"url": page.url, "status": page.status, "headers": headers, "reason": page.reason}


def digest_of(request: Request, ask: Ask, settings: Settings) -> bytes:
    """What a request is known by: all that it asks, for whom, and with whose credentials."""
    asked = [
        ask.resource,
        request.method,
        request.full_url,
        json.dumps(request.json, sort_keys=True, default=repr),
        repr(request.data),
        sorted(request.headers.items()),
        identity_of(ask.auth),
        sorted(settings.headers.items()),
        "" if settings.session is None else settings.session.identity,
    ]
    text = json.dumps(asked, default=repr).encode()
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()


def new_run() -> str:
    """A fresh id."""
    return uuid.uuid4().hex
