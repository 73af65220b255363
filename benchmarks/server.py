"""A loopback API with canned pages, so that what is measured is the client.

`python benchmarks/server.py flat 200000` prints its URL and serves until its input closes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from urllib.parse import parse_qs, urlsplit

PAGE = 100
NATURE = "river source delta spring brook rapids estuary basin current lake"
WORDS = NATURE.split(" ")


def flat(i: int, draw: random.Random) -> dict[str, object]:
    """A row of 14 scalar columns, about 440 bytes."""
    return {
        "id": i,
        "name": f"{draw.choice(WORDS)} {draw.choice(WORDS)} {i}",
        "email": f"user{i}@example.com",
        "status": draw.choice(["open", "closed", "waiting"]),
        "amount": round(draw.random() * 1000, 2),
        "quantity": draw.randrange(100),
        "active": draw.random() < 0.5,
        "created_at": f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:00Z",
        "updated_at": f"2025-{i % 12 + 1:02}-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:00Z",
        "category": draw.choice(WORDS),
        "score": draw.random(),
        "country": draw.choice(["DE", "FR", "PT", "PL"]),
        "reference": f"ref-{i:08}-{draw.randrange(10**9):09}",
        "description": " ".join(draw.choice(WORDS) for _ in range(14)),
    }


def nested(i: int, draw: random.Random) -> dict[str, object]:
    """A row with a list of objects, a list of integers and nested objects, about 610 bytes."""
    return {
        "id": i,
        "name": f"{draw.choice(WORDS)} {i}",
        "created_at": f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:00Z",
        "owner": {
            "id": i % 977,
            "name": draw.choice(WORDS),
            "address": {"city": "Porto", "zip": i},
        },
        "totals": {"net": round(draw.random() * 100, 2), "gross": round(draw.random() * 120, 2)},
        "lines": [
            {"sku": f"sku-{draw.randrange(10**6)}", "count": k, "price": round(draw.random(), 2)}
            for k in range(draw.randrange(2, 6))
        ],
        "scores": [draw.randrange(100) for _ in range(draw.randrange(1, 6))],
    }


def wide(i: int, draw: random.Random) -> dict[str, object]:
    """A row of 200 columns, a third of which are null, about 3 kB."""
    row: dict[str, object] = {"id": i}
    for k in range(199):
        value: object = draw.choice(WORDS) if k % 3 == 0 else draw.randrange(10**6)
        row[f"column_{k:03}"] = None if draw.random() < 0.33 else value
    return row


def deep(i: int, draw: random.Random) -> dict[str, object]:
    """A row of objects and lists within each other, six levels deep, about 700 bytes."""

    def level(n: int) -> dict[str, object]:
        own: dict[str, object] = {"name": draw.choice(WORDS), "value": draw.randrange(1000)}
        if n:
            own["inner"] = {"kind": draw.choice(WORDS), "parts": [level(n - 1)]}
        return own

    return {"id": i, **level(6)}


def mixed(i: int, draw: random.Random) -> dict[str, object]:
    """A row whose values change their type: numbers, text and nothing in one column, 300 bytes."""
    return {
        "id": i,
        "amount": draw.choice([i, i + 0.5, str(i), "none", None]),
        "flag": draw.choice([True, 1, "yes"]),
        "when": draw.choice([f"2024-01-{i % 28 + 1:02}T00:00:00Z", 1_700_000_000 + i, None]),
        "owner": draw.choice([{"name": draw.choice(WORDS)}, draw.choice(WORDS), None]),
        "tags": draw.choice([[draw.choice(WORDS)], [i], draw.choice(WORDS), []]),
        "note": " ".join(draw.choice(WORDS) for _ in range(20)),
    }


def child(parent: int, i: int) -> dict[str, object]:
    return {"id": parent * 1000 + i, "title": f"{WORDS[i % 10]} {i}", "done": i % 2 == 0}


KINDS = {
    "flat": flat,
    "nested": nested,
    "latency": flat,
    "wide": wide,
    "deep": deep,
    "mixed": mixed,
}


class Api:
    """Pages by offset, each made once; `latency` and `fanout` wait 20 ms before each answer."""

    def __init__(self, kind: str, rows: int) -> None:
        self.kind = kind
        self.rows = rows
        self.wait_s = 0.02 if kind in ("latency", "fanout") else 0.0
        draw = random.Random(7)
        self.pages: dict[int, bytes] = {}
        make = KINDS.get(kind)
        if make is not None:
            for offset in range(0, rows, PAGE):
                data = [make(i, draw) for i in range(offset, min(rows, offset + PAGE))]
                self.pages[offset] = answer({"data": data, "total": rows})
        self.empty = answer({"data": [], "total": rows})

    def body(self, target: str) -> bytes:
        parts = urlsplit(target)
        if self.kind == "fanout":
            return self.family(parts.path)
        offset = int(parse_qs(parts.query).get("offset", ["0"])[0])
        return self.pages.get(offset, self.empty)

    def family(self, path: str) -> bytes:
        steps = path.strip("/").split("/")
        if len(steps) == 1:
            return answer({"data": [{"id": i, "name": f"parent {i}"} for i in range(self.rows)]})
        return answer({"data": [child(int(steps[1]), i) for i in range(20)]})


def answer(body: object) -> bytes:
    text = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


class Connection(asyncio.Protocol):
    """One keep-alive connection; understands GET and nothing else."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
            body = self.api.body(head.split(b" ", 2)[1].decode())
            if self.api.wait_s:
                asyncio.get_running_loop().call_later(self.api.wait_s, self.send, body)
            else:
                self.send(body)

    def send(self, body: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(body)  # type: ignore[attr-defined]


async def main(kind: str, rows: int) -> None:
    api = Api(kind, rows)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(api), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
