"""APIs with the paging of known services, each a function from a request to an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.loopback import serving

__all__ = ["APIS", "Answer", "Request", "made", "serving_api"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; `path` is split at slashes, the last value of a parameter counts."""

    origin: str
    path: tuple[str, ...]
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body, with what else an answer has."""

    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


Api = Callable[[Request], Answer]
NOT_FOUND = Answer({"message": "Not Found"}, status=404)


def made(count: int, first: int = 1, **more: Any) -> list[Row]:
    """Rows with a number, a time, a list and an object; later ones are newer."""
    return [
        {
            "id": n,
            "name": f"näme {n}",
            "updated_at": f"2024-01-{n % 28 + 1:02}T0{n % 10}:00:00Z",
            "labels": [{"id": 100 * n + m, "colour": "red"} for m in range(n % 3)],
            "scores": [n + 0.5] * (n % 2),
            "owner": {"id": f"u{n}", "since": f"2023-01-{n % 28 + 1:02}"},
            "gone": None,
            **more,
        }
        for n in range(first, first + count)
    ]


def part(rows: Sequence[Row], start: int, size: int) -> tuple[Sequence[Row], bool]:
    """Some rows, and whether there are more."""
    return rows[start : start + size], start + size < len(rows)


def linked(request: Request, rows: Sequence[Row], size: str, body: Any = None) -> Answer:
    """A page whose `Link` header leads to the next one."""
    start = int(request.query.get("from", 0))
    page, more = part(rows, start, int(request.query.get(size, 30)))
    headers = {}
    if more:
        query = {**request.query, "from": str(start + len(page))}
        url = f"{request.origin}/{'/'.join(request.path)}?{urlencode(query)}"
        headers["Link"] = f'<{url}>; rel="next", <{request.origin}>; rel="first"'
    return Answer(list(page) if body is None else {body: list(page)}, headers)


def github(request: Request) -> Answer:
    match request.path[3:]:
        case ("issues",):
            assert request.headers["Accept"] == "application/vnd.github+json"
            rows = [
                {**row, "number": 10 + row["id"], "title": f"Title {row['id']}", "body": "long"}
                | ({"pull_request": {"url": "x"}} if row["id"] % 4 == 0 else {})
                for row in made(17)
                if row["updated_at"] >= request.query["since"]
            ]
            return linked(request, rows, "per_page")
        case ("issues", "comments", comment, "reactions"):
            many = int(comment) % 3
            reactions = made(many, first=int(comment) * 10)
            return linked(request, reactions, "per_page") if many else NOT_FOUND
        case ("issues", number, "comments"):
            if int(number) == 17:
                return NOT_FOUND
            return linked(request, made(int(number) % 8, first=int(number) * 100), "per_page")
        case ("contributors",):
            return linked(request, made(11), "per_page")
    return NOT_FOUND


def stripe(request: Request) -> Answer:
    since = int(request.query["created[gte]"])
    name = request.path[-1]
    count = {"customers": 13, "charges": 8, "subscriptions": 0}[name]
    rows = [
        {**row, "id": f"{name[:2]}_{row['id']}", "created": 1700000000 + row["id"] * 60}
        for row in made(count)
    ]
    rows = [row for row in rows if row["created"] >= since]
    ids = [row["id"] for row in rows]
    last = request.query.get("starting_after")
    page, more = part(rows, ids.index(last) + 1 if last else 0, int(request.query["limit"]))
    return Answer({"object": "list", "data": page, "has_more": more})


def hubspot(request: Request) -> Answer:
    asked = request.query if request.body is None else request.body
    rows = [{**row, "updatedAt": row["updated_at"]} for row in made(12, archived=False)]
    if request.body is not None:
        (found,) = request.body["filterGroups"][0]["filters"]
        rows = [row for row in rows if row["updatedAt"] >= found["value"]]
    start = int(asked.get("after", 0))
    page, more = part(rows, start, int(asked["limit"]))
    after = str(start + len(page))
    paging = {"paging": {"next": {"after": after, "link": "not for POST"}}} if more else {}
    return Answer({"total": len(rows), "results": page, **paging})


def jira(request: Request) -> Answer:
    match request.path[3:]:
        case ("project", "search"):
            rows, name = made(9), "values"
            rows = [{**row, "key": f"KEY{row['id']}"} for row in rows]
        case ("project", key, "version"):
            number = int(key[3:])
            rows, name = made(number, first=number * 100), "values"
        case _:
            since = request.query["jql"].split("'")[1].replace(" ", "T")
            rows = [
                {"id": str(row["id"]), "key": f"K-{row['id']}", "fields": row}
                for row in made(11)
                if row["updated_at"] >= since
            ]
            for row in rows:
                row["fields"]["updated"] = row["fields"].pop("updated_at")
            start = int(request.query.get("nextPageToken", "t0")[1:])
            page, more = part(rows, start, 4)
            token = {"nextPageToken": f"t{start + len(page)}"} if more else {}
            return Answer({"issues": page, "isLast": not more, **token})
    start, size = int(request.query["startAt"]), int(request.query["maxResults"])
    page, more = part(rows, start, size)
    return Answer({"startAt": start, "total": len(rows), "isLast": not more, name: page})


def shopify(request: Request) -> Answer:
    assert request.headers["X-Shopify-Access-Token"]
    if request.path[-1] == "products.json":
        rows = [{**row, "price": f"{row['id']}.95", "meta": {"n": [1]}} for row in made(14)]
        return linked(request, rows, "limit", "products")
    since = request.query["updated_at_min"]
    rows = [row for row in made(13) if row["updated_at"] >= since]
    return linked(request, rows, "limit", "orders")


def zendesk(request: Request) -> Answer:
    if request.path[-1] == "tickets.json":
        rows, name = [{**row, "subject": f"S {row['id']}"} for row in made(10)], "tickets"
    else:
        ticket, name = int(request.path[-2]), "comments"
        if ticket == 4:
            return NOT_FOUND
        rows = made(ticket, first=ticket * 100)
    start = int(request.query.get("page[after]", "c0")[1:])
    page, more = part(rows, start, int(request.query["page[size]"]))
    # The cursor is there on the last page, too, as it is there: `has_more` ends the listing.
    cursor = f"c{start + len(page)}"
    return Answer({name: page, "meta": {"has_more": more, "after_cursor": cursor}})


def notion(request: Request) -> Answer:
    if request.path[-1] == "search":
        rows = [{**row, "id": f"db{row['id']}"} for row in made(5)]
    else:
        number = int(request.path[2][2:])
        assert request.body["filter"] == {"created_by": f"u{number}"}
        titles = [{"plain_text": "a"}, {"plain_text": f"b{number}"}]
        rows = made(number + 1, first=number * 10, title_parts=titles)
    start = int(request.body.get("start_cursor", "s0")[1:])
    page, more = part(rows, start, request.body["page_size"])
    after = f"s{start + len(page)}" if more else None
    return Answer({"results": page, "has_more": more, "next_cursor": after})


def slack(request: Request) -> Answer:
    if request.path[-1] == "conversations.list":
        rows, name = [{**row, "id": f"C{row['id']}"} for row in made(7)], "channels"
    else:
        channel, name = request.query["channel"], "messages"
        count, oldest = int(channel[1:]), request.query["oldest"]
        rows = [
            {"channel": channel, "ts": f"17{count:02}{n:06}.000100", "text": f"m{n}", "blocks": [n]}
            for n in range(count)
        ]
        rows = [row for row in rows if row["ts"] >= oldest]
    start = int(request.query.get("cursor", "x0")[1:])
    page, more = part(rows, start, int(request.query["limit"]))
    cursor = f"x{start + len(page)}" if more else ""
    return Answer({"ok": True, name: page, "response_metadata": {"next_cursor": cursor}})


def airtable(request: Request) -> Answer:
    rows = [
        {"id": f"rec{row['id']}", "createdTime": row["updated_at"], "fields": row}
        for row in made(9 if request.path[-1] == "tblOne" else 4)
    ]
    start = int(request.query.get("offset", "itr/0")[4:])
    page, more = part(rows, start, int(request.query["pageSize"]))
    return Answer({"records": page, **({"offset": f"itr/{start + len(page)}"} if more else {})})


def pokeapi(request: Request) -> Answer:
    kind, *name = request.path[2:]
    if name:
        (row,) = made(1, first=int(name[0].removeprefix("mon-")))
        assert "limit" not in request.query
        return Answer({**row, "name": name[0], "moves": [{"move": {"name": "hit"}}] * 3})
    rows = [{"name": f"mon-{n}", "url": f"{request.origin}/{n}"} for n in range(1, 17)]
    start, size = int(request.query.get("offset", 0)), int(request.query["limit"])
    page, more = part(rows, start, size)
    url = f"{request.origin}/api/v2/{kind}?offset={start + size}&limit={size}"
    links = {"next": url if more else None, "previous": None}
    return Answer({"count": len(rows), **links, "results": page})


def zoom(request: Request) -> Answer:
    if request.path[0] == "oauth":
        return Answer({"access_token": "t0k3n", "expires_in": 3600})
    assert request.headers["Authorization"] == "Bearer t0k3n"
    if request.path[-1] == "users":
        rows, name = [{**row, "email": f"u{row['id']}@acme.example"} for row in made(6)], "users"
    else:
        user, name = int(request.path[-2]), "meetings"
        rows = [{**row, "uuid": f"/{user}/{row['id']}=="} for row in made(user)]
    start = int(request.query.get("next_page_token") or 0)
    page, more = part(rows, start, int(request.query["page_size"]))
    token = str(start + len(page)) if more else ""
    return Answer({name: page, "next_page_token": token, "total_records": len(rows)})


def gitlab(request: Request) -> Answer:
    assert request.query["private_token"]
    match request.path[2:]:
        case ("groups",):
            rows = made(5)
        case ("groups", group, "projects"):
            rows = [
                {**row, "archived": row["id"] % 5 == 0}
                for row in made(int(group) + 1, first=int(group) * 10)
            ]
            return linked(request, rows, "per_page")
        case ("projects", project, "pipelines"):
            if int(project) % 4 == 0:
                return Answer({"message": "pipelines are disabled"}, status=403)
            rows = made(int(project) % 7, project_id=int(project))
        case _:
            return NOT_FOUND
    size = int(request.query["per_page"])
    return Answer(list(part(rows, (int(request.query["page"]) - 1) * size, size)[0]))


def salesforce(request: Request) -> Answer:
    last = request.path[-1]
    name, start = last.rsplit("-", 1) if "-" in last else (request.query["q"].split()[-1], "0")
    rows = [
        {"Id": f"{name}{n}", "Name": f"N {n}", "AccountId": None, "attributes": {"type": name}}
        | {"LastModifiedDate": f"2024-03-{n + 1:02}T10:00:00.000+0000", "Amount__c": n * 1.5}
        for n in range(11 if name == "Account" else 4)
    ]
    page, more = part(rows, int(start), 4)
    url = f"/services/data/v60.0/query/{name}-{int(start) + 4}"
    body = {"totalSize": len(rows), "done": not more, "records": page}
    return Answer({**body, "nextRecordsUrl": url} if more else body)


APIS: dict[str, Api] = {
    api.__name__: api
    for api in (
        github, stripe, hubspot, jira, shopify, zendesk, notion, slack, airtable, pokeapi, zoom,
        gitlab, salesforce,
    )
}  # fmt: skip


@contextmanager
def serving_api(api: Api) -> Iterator[str]:
    """Serves `api` on loopback; gives its origin."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer(None)

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            is_json = "json" in self.headers["Content-Type"]
            self.answer(json.loads(text) if is_json else text)

        def answer(self, body: Any) -> None:
            parts = urlsplit(self.path)
            path = tuple(parts.path.strip("/").split("/"))
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            origin = f"http://{self.headers['Host']}"
            found = api(Request(origin, path, query, body, dict(self.headers)))
            text = json.dumps(found.body).encode()
            self.send_response(found.status)
            for name, value in {**found.headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with serving(Handler) as origin:
        yield origin
