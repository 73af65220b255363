"""The seams for code that is not ours: what a config may bring along, and where it runs.

A config may hold objects with code: paginators, auth, hooks on answers, a session. This module says
what the rest of `fetch` asks of them, without a word of the library that they are made for.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import msgspec

from headwater.config.path import JsonPath
from headwater.config.secret import Secret
from headwater.fetch.ask import Settings
from headwater.fetch.body import Body
from headwater.fetch.page import Page, Request

__all__ = [
    "Draft",
    "Foreign",
    "ForeignPager",
    "OwnPaginator",
    "OwnSession",
    "Sender",
    "Signer",
    "Workers",
]

T = TypeVar("T")


class Foreign(Exception):
    """Code that is not ours raised something; the text says what, `__cause__` is it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that is ready to be sent; `secrets` are what its headers and URL show.

    `hooked` says that its auth wants to see the answer, which takes a session to send it.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: object
    prepared: Any
    secrets: tuple[Secret, ...] = ()
    hooked: bool = False


class ForeignPager(ABC):
    """A pager whose steps are code that is not ours; of the family `Chained`."""

    paths: ClassVar[tuple[JsonPath, ...]] = ()

    @abstractmethod
    def first(self, request: Request) -> Request:
        """The request for the first page. Raises Foreign."""

    @abstractmethod
    def after(
        self, request: Request, page: Page, body: Body, records: Sequence[msgspec.Raw]
    ) -> Request | None:
        """The request that follows `page`, None after the last. Raises Foreign."""


class OwnPaginator(ABC):
    """A paginator that the config brings along."""

    @abstractmethod
    def pager(self) -> ForeignPager:
        """A pager for one listing."""


class Signer(ABC):
    """An auth that the config brings along.

    `identity` says whose credentials it holds, `secrets` are those that it shows beforehand.
    """

    identity: str
    secrets: tuple[Secret, ...]

    @abstractmethod
    def signed(self, request: Request, headers: Mapping[str, str]) -> Draft:
        """`request` with `headers`, signed. It may ask for a token first. Raises Foreign."""


class Sender(ABC):
    """Sends requests through a session."""

    @abstractmethod
    def draft(
        self, request: Request, headers: Mapping[str, str], signer: Signer | None, *, signed: bool
    ) -> Draft:
        """`request` as the session would send it; `signed` says that its headers sign it already.

        Raises Foreign, Faulty.
        """

    @abstractmethod
    def send(self, draft: Draft, request: Request, actions: Sequence[Any]) -> Page:
        """The answer after `actions`, which every attempt takes. Raises Foreign, Faulty."""


class OwnSession(ABC):
    """A session that the config brings along; `repeats` says that it tries again by itself."""

    identity: str
    secrets: tuple[Secret, ...]
    repeats: bool

    @abstractmethod
    def sender(self, settings: Settings, turn: threading.RLock) -> Sender:
        """What sends through it for one client; actions are taken one at a time, in their turn."""


class Workers:
    """Threads for code that is not ours, so that the event loop never waits for it.

    Such code is written for one thread: `call` runs it one at a time. Its threads are named after
    the one they are made from, by which dlt knows whose state they may see.
    """

    def __init__(self, most: int) -> None:
        self.turn = threading.RLock()
        self._most = most
        self._pool: ThreadPoolExecutor | None = None

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """What `function` returns; no two calls are at work at once."""

        def one_at_a_time() -> T:
            with self.turn:
                return function(*args)

        return await self.beside(one_at_a_time)

    async def beside(self, function: Callable[..., T], *args: Any) -> T:
        """What `function` returns, while others may be at work."""
        if self._pool is None:
            name = f"{threading.current_thread().name}-headwater"
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix=name)
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._pool, run, function, *args)

    def close(self) -> None:
        """Starts nothing any more; what is at work ends by itself."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
