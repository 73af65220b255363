"""Auth of a user's own: the same signatures as through dlt, and no credentials away from home."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from dlt.common.configuration.specs.base_configuration import configspec
from dlt.sources.helpers.rest_client.auth import (
    AuthConfigBase,
    BearerTokenAuth,
    OAuth2ClientCredentials,
)
from dlt.sources.rest_api import config_setup
from tests.load.beside import Answer, Asked, both, listing, one, served

from headwater import rest_api_source
from headwater.errors import ConfigError

KEY = "k3y-of-the-signer"
SECTION = "SOURCES__REST_API__REST_API__CREDENTIALS__"


@pytest.fixture
def registered() -> Iterator[None]:
    """What a test registers with dlt is gone after it."""
    kept = dict(config_setup.AUTH_MAP)
    yield
    config_setup.AUTH_MAP.clear()
    config_setup.AUTH_MAP.update(kept)


@configspec
class Hmac(AuthConfigBase):
    """Signs method, URL and body, and says so in headers and in the query."""

    key_id: str = "me"
    secret_key: str = None  # type: ignore[assignment]

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.prepare_url(request.url, {"key_id": self.key_id})
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        path = (request.url or "").split("/", 3)[3]
        text = f"{request.method} /{path} ".encode() + body
        signed = hmac.new(self.secret_key.encode(), text, hashlib.sha256).hexdigest()
        request.headers["X-Signature"] = signed
        request.headers["X-Client-Was"] = request.headers.get("X-Client", "")
        return request


@configspec
class Wrapping(AuthConfigBase):
    """Puts a body of its own around the one there is, at another path."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.body = b'{"signed": ' + (request.body or b"null") + b"}"
        request.url = (request.url or "").replace("/rows", "/signed")
        del request.headers["X-Client"]
        return request


@configspec
class Refreshing(OAuth2ClientCredentials):
    """Asks for a token that lives for two requests; slow, as token servers are."""

    def parse_expiration_in_seconds(self, response_json: Any) -> int:
        return -1 if int(response_json["access_token"][1:]) % 2 else 3600

    def obtain_token(self) -> None:
        time.sleep(0.2)
        super().obtain_token()


def ids(*numbers: int) -> dict[str, Any]:
    return {"data": [{"id": number} for number in numbers]}


def signed_rows(asked: Asked) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.query)
    text = f"{asked.method} /{asked.path}?{query} ".encode() + asked.body
    right = hmac.new(KEY.encode(), text, hashlib.sha256).hexdigest()
    return ids(1, 2) if asked.header("x-signature") == right else (403, {}, {})


def any_rows(asked: Asked) -> Any:
    return ids(1)


def tokens(*_: object) -> Answer:
    given: list[str] = []

    def answer(asked: Asked) -> Any:
        if asked.path == "token":
            given.append(f"t{len(given) + 1}")
            return {"access_token": given[-1], "expires_in": 3600}
        if not given or asked.header("authorization") != f"Bearer {given[-1]}":
            return 401, {}, {}
        number = int(asked.params.get("offset", 0))
        return {"data": [{"id": number}] if number < 4 else [], "total": 4}

    return answer


def with_auth(auth: Callable[[str], Any], **endpoint: Any) -> Callable[[str], dict[str, Any]]:
    def config(base_url: str) -> dict[str, Any]:
        client = {"auth": auth(base_url), "headers": {"X-Client": "c1"}}
        return listing(base_url, client, **endpoint)

    return config


def refreshing(base_url: str) -> Refreshing:
    url = f"{base_url}/token"
    return Refreshing(access_token_url=url, client_id="me", client_secret="s3cr3t")


@pytest.mark.parametrize(
    ("answer", "auth", "endpoint"),
    [
        (lambda: signed_rows, lambda _: Hmac(secret_key=KEY), {"params": {"q": 1}}),
        (
            lambda: signed_rows,
            lambda _: Hmac(secret_key=KEY),
            {"method": "POST", "json": {"q": [1, "ü"]}},
        ),
        (lambda: any_rows, lambda _: Wrapping(), {"method": "POST", "json": {"q": 1}}),
        (
            tokens,
            refreshing,
            {"paginator": {"type": "offset", "limit": 1, "total_path": "total"}},
        ),
    ],
    ids=["query", "body", "wrapping", "refreshing"],
)
def test_auth_of_ones_own_signs_as_in_dlt(
    answer: Callable[[], Answer], auth: Any, endpoint: dict[str, Any], tmp_path: Path
) -> None:
    """It is handed the request as it is to be sent; what it makes of it is what the API sees."""
    theirs, mine = both(answer, with_auth(auth, **endpoint), tmp_path)
    assert mine.error == theirs.error == ""
    assert mine.rows == theirs.rows
    if auth is refreshing:  # pages are asked ahead: tokens are not renewed at the same page
        mine.asked, theirs.asked = (
            [a for a in run.asked if a.path == "rows"] for run in (mine, theirs)
        )
        assert sorted(a.query for a in mine.asked) == sorted(a.query for a in theirs.asked)
    else:
        assert mine.asked == theirs.asked


@pytest.mark.parametrize("as_object", [True, False], ids=["object", "dict"])
def test_a_token_is_asked_for_through_the_session_of_the_auth(
    as_object: bool, tmp_path: Path
) -> None:
    """A session that dlt's own auth brings along is the one that asks for the token."""

    def auth(base_url: str) -> Any:
        session = requests.Session()
        session.headers["X-Tunnel"] = "t1"
        words: dict[str, Any] = {
            "access_token_url": f"{base_url}/token",
            "client_id": "me",
            "client_secret": "s3cr3t",
            "session": session,
        }
        if as_object:
            return OAuth2ClientCredentials(**words)
        return {"type": "oauth2_client_credentials", **words}

    theirs, mine = both(tokens, with_auth(auth), tmp_path)
    assert mine.error == theirs.error == ""
    assert mine.asked == theirs.asked
    assert [asked.header("x-tunnel") for asked in mine.asked] == ["t1", ""]


def test_a_resumed_run_knows_its_asker_after_a_token_was_renewed(tmp_path: Path) -> None:
    """Answers are kept for credentials, not for the token of the hour."""
    down = [True]

    def broken() -> Answer:
        answer = tokens()
        return lambda asked: (
            (404, {}, {}) if asked.params.get("offset") == "2" and down[0] else answer(asked)
        )

    with served(broken()) as server:
        auth = refreshing(server.base_url)
        paging = {"paginator": {"type": "offset", "limit": 1, "total_path": "total"}}
        client = {"auth": auth, "max_concurrency": 1}
        first = one(rest_api_source, server, listing(server.base_url, client, **paging), tmp_path)
        down[0] = False
        second = one(rest_api_source, server, listing(server.base_url, client, **paging), tmp_path)
    assert "404" in first.error
    assert second.error == ""
    rows = [asked.params["offset"] for asked in second.asked if asked.path == "rows"]
    assert rows == ["2", "3"]
    assert second.rows == {"rows": [(0,), (1,), (2,), (3,)]}


def test_a_slow_token_stops_nobody(tmp_path: Path) -> None:
    """While an auth waits for its token, resources that need none are read."""
    done: list[str] = []

    @configspec
    class Slow(Keyed):
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            time.sleep(1)
            done.append("token")
            return super().__call__(request)

    def answer(asked: Asked) -> Any:
        done.append(asked.path)
        return ids(1)

    with served(answer) as server:
        config = listing(server.base_url, auth=Slow())
        plain = {"path": "quick", "data_selector": "data", "paginator": "single_page"}
        config["resources"].append({"name": "quick", "endpoint": plain})
        outcome = one(rest_api_source, server, config, tmp_path)
    assert outcome.error == ""
    assert done == ["quick", "token", "rows"]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("spelled", ["hmac", {"type": "hmac"}], ids=str)
def test_a_registered_auth_takes_its_secret_from_dlts_configuration(
    spelled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class registered with dlt signs by its name; what it lacks comes from the environment."""
    config_setup.register_auth("hmac", Hmac)
    monkeypatch.setenv(f"{SECTION}SECRET_KEY", KEY)
    theirs, mine = both(lambda: signed_rows, with_auth(lambda _: spelled), tmp_path)
    assert mine.error == theirs.error == ""
    assert mine.asked == theirs.asked
    assert mine.rows == theirs.rows == {"rows": [(1,), (2,)]}


@pytest.mark.parametrize(
    "auth",
    ["bearer", {"type": "bearer"}, BearerTokenAuth()],
    ids=["name", "dict", "object"],
)
def test_dlts_own_auth_takes_its_secret_from_dlts_configuration(
    auth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bearer without a token is one with the token of the environment."""
    monkeypatch.setenv(f"{SECTION}TOKEN", "from-env")
    theirs, mine = both(lambda: any_rows, with_auth(lambda _: auth), tmp_path)
    assert mine.asked[0].header("authorization") == "Bearer from-env"
    assert mine.asked == theirs.asked


def test_a_missing_secret_is_named_with_where_to_put_it() -> None:
    """What no provider has is a mistake of the config, with the variable that dlt looks at."""
    wanted = listing("http://127.0.0.1:1", {"auth": Hmac()})
    with pytest.raises(ConfigError, match=r"client\.auth: `secret_key` is missing \(set .*KEY\)"):
        rest_api_source(wanted)


def test_auth_of_requests_alone_is_refused_as_in_dlt() -> None:
    """dlt takes no auth but its own kind, and so do we."""
    wanted = listing("http://127.0.0.1:1", {"auth": requests.auth.HTTPBasicAuth("u", "p")})
    with pytest.raises(ValueError, match=r"client\.auth: auth of class HTTPBasicAuth"):
        rest_api_source(wanted)


@configspec
class Elsewhere(AuthConfigBase):
    """Sends its key to another host."""

    url: str = "http://127.0.0.2:9/"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.url = self.url
        request.headers["X-Api-Key"] = KEY
        return request


@configspec
class Failing(AuthConfigBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise RuntimeError("no key today")


@configspec
class Keyed(AuthConfigBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Api-Key"] = KEY
        return request


def echo(asked: Asked) -> Any:
    return 403, {}, {"you sent": asked.header("x-api-key")}


def away(asked: Asked) -> Any:
    return 302, {"Location": "http://127.0.0.3:9/rows"}, {}


@pytest.mark.parametrize(
    ("auth", "answer", "text", "sent"),
    [
        (Elsewhere(), any_rows, r"leads from .* to http://127\.0\.0\.2:9, which is not", 0),
        (Failing(), any_rows, r"/rows -> auth Failing raised RuntimeError: no key today", 0),
        (Keyed(), away, r"leads from .* to http://127\.0\.0\.3:9, which is not", 1),
        (Keyed(), echo, r'/rows -> 403 Forbidden.*"you sent": "\*\*\*"', 1),
    ],
    ids=["another host", "raising", "redirected", "echoed"],
)
def test_what_goes_wrong_with_auth_is_said_without_the_key(
    auth: Any, answer: Answer, text: str, sent: int, tmp_path: Path
) -> None:
    """Nothing is sent away from home, and no error shows what auth added."""
    with served(answer) as server:
        config = listing(server.base_url, {"auth": auth})
        outcome = one(rest_api_source, server, config, tmp_path)
    assert re.search(text, outcome.error), outcome.error
    assert KEY not in outcome.error
    assert len(outcome.asked) == sent


@configspec
class Answering(AuthConfigBase):
    """Answers a challenge, as HTTP Digest does: by a hook on the answer."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self.answer)
        return request

    def answer(self, response: requests.Response, **kwargs: Any) -> requests.Response:
        if response.status_code != 401:
            return response
        response.content  # noqa: B018
        again = response.request.copy()
        again.headers["Authorization"] = f"Digest {response.headers['X-Nonce']}"
        return response.connection.send(again, **kwargs)  # type: ignore[attr-defined,no-any-return]


def test_auth_may_answer_a_challenge(tmp_path: Path) -> None:
    """Hooks that auth puts on its request see the answer, and may send another request."""

    def answer(asked: Asked) -> Any:
        right = asked.header("authorization") == "Digest n1"
        return ids(7) if right else (401, {"X-Nonce": "n1"}, {})

    theirs, mine = both(lambda: answer, with_auth(lambda _: Answering()), tmp_path)
    assert mine.error == theirs.error == ""
    assert [a.header("authorization") for a in mine.asked] == ["", "Digest n1"]
    assert mine.rows == theirs.rows == {"rows": [(7,)]}


def test_auth_is_never_at_work_twice_at_once(tmp_path: Path) -> None:
    """Pages are asked at once, the auth for them is not: it is written for one thread."""
    inside, most, threads = [0], [0], set()

    @configspec
    class Watched(Keyed):
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threads.add(threading.current_thread().name)
            time.sleep(0.01)
            inside[0] -= 1
            return super().__call__(request)

    def answer(asked: Asked) -> Any:
        number = int(asked.params["offset"])
        return {"data": [{"id": number}] if number < 20 else [], "total": 20}

    with served(answer) as server:
        paginator = {"type": "offset", "limit": 1}
        config = listing(server.base_url, {"auth": Watched()}, paginator=paginator)
        outcome = one(rest_api_source, server, config, tmp_path)
    assert outcome.error == ""
    assert len(outcome.rows["rows"]) == 20
    assert most == [1]
    assert all(name.startswith("dlt-pool-") for name in threads)
