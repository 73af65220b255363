"""Reading a config: every problem at once, and what a right one comes to."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headwater.config import models
from headwater.config.read import Config, External, read_config
from headwater.config.secret import Secret
from headwater.config.source import connector_names
from headwater.errors import ConfigError
from headwater.plan.graph import make_plan

GOLDEN = Path(__file__).parent / "golden"
CLIENT = {"base_url": "https://api.example.com"}


def problems(config: Any, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(config, **settings)
    return str(caught.value)


def one(endpoint: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"client": CLIENT, "resources": [{"name": "a", "endpoint": endpoint, **settings}]}


def first(config: Config) -> models.Resource:
    resource = config.resources[0]
    assert isinstance(resource, models.Resource)
    return resource


def test_a_file_with_every_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """All mistakes are told at once, in the order of the file, each with its line and column."""
    monkeypatch.delenv("TRACKER_TOKEN", raising=False)
    monkeypatch.chdir(GOLDEN)
    text = problems("bad.yaml", params={"knd": "x"})
    assert text + "\n" == (GOLDEN / "bad.yaml.txt").read_text(encoding="utf-8")


def test_the_same_mistakes_in_a_dict() -> None:
    """A dict has dotted paths in place of lines."""
    raw = yaml.safe_load((GOLDEN / "bad.yaml").read_text(encoding="utf-8"))
    text = problems(raw)
    assert text + "\n" == (GOLDEN / "bad.dict.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, "`client` is missing\n`resources` is missing"),
        ({"client": CLIENT}, "`resources` is missing"),
        ({"client": CLIENT, "resources": []}, "resources: is empty"),
        (
            {"client": "x", "resources": {"a": 1}},
            "client: a mapping is expected, not text\nresources: a list is expected, not a mapping",
        ),
        ({"client": {}, "resources": ["a"]}, "client: `base_url` is missing"),
        (
            {"client": CLIENT, "resources": [None, ["a"]]},
            (
                "resources[0]: a mapping or a name is expected, not nothing\n"
                "resources[1]: a mapping or a name is expected, not a list"
            ),
        ),
        ({"client": CLIENT, "resources": ["a"], 5: 1}, "key `5` is not text (put it in quotes)"),
        (one({"path": 5.5j}), "resources.a.path: text is expected, not complex"),
        (one({"json": 5}), "resources.a.json: a mapping is expected, not a number"),
        (one({"paginator": 5}), "resources.a.paginator: a mapping is expected, not a number"),
        (one({"paginator": ["x"]}), "resources.a.paginator: a mapping is expected, not a list"),
        (one({"incremental": "at"}), "resources.a.incremental: a mapping is expected, not text"),
        (
            one({"paginator": {"type": "offset"}}),
            "resources.a.paginator: `limit` is missing",
        ),
        (
            one({"paginator": {"type": "offset", "limit": 0}}),
            "resources.a.paginator.limit: is too small, 1 is the least",
        ),
        (
            one({"paginator": {"type": "offset", "limit": 1.5}}),
            "resources.a.paginator.limit: a whole number is expected, not a number with a fraction",
        ),
        (
            one({"auth": {"type": "bearer", "token": ""}}),
            "resources.a.auth.token: is empty, a secret is expected",
        ),
        (
            one({"auth": {"type": "http_basic", "username": "", "password": ""}}),
            "resources.a.auth: `username` and `password` are empty, a secret is expected",
        ),
        (
            one({"auth": {"type": "api_key", "api_key": "k", "location": "body"}}),
            "resources.a.auth.location: is not possible (known: header, query, param or cookie)",
        ),
        (
            one({}, write_disposition="megre"),
            "resources.a.write_disposition: unknown disposition `megre` (did you mean `merge`?)",
        ),
        ({"client": CLIENT, "resources": [{"name": ""}]}, "resources[0].name: is empty"),
        (
            {"client": CLIENT, "resources": ["a", {"name": "a"}]},
            "resources.a.name: resource `a` already exists (rename one of them)",
        ),
    ],
)
def test_wrong_shapes(config: dict[Any, Any], text: str) -> None:
    """A wrong type is named with what is expected and what kind of thing is there."""
    assert problems(config) == text


@pytest.mark.parametrize(
    "url",
    ["", "api.example.com", "ftp://a.x", "http://", "https:///x", "http://a b", "http://a:x", " "],
)
def test_bad_urls(url: str) -> None:
    """Only a whole HTTP address is one to load from."""
    text = problems({"client": {"base_url": url}, "resources": ["a"]})
    assert text.startswith("client.base_url: `")
    assert text.endswith(" is no URL to load from (write http://host/path or https://host/path)")


@pytest.mark.parametrize("url", ["http://a", "https://a.x:8443/v1/", "http://[::1]:80", "HTTP://a"])
def test_good_urls(url: str) -> None:
    """Any host, with or without port and path."""
    assert read_config({"client": {"base_url": url}, "resources": ["a"]}).client.base_url == url


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"client": CLIENT, "resources": ["a"], "zzz": 1}, "zzz"),
        ({"client": {**CLIENT, "zzz": 1}, "resources": ["a"]}, "client.zzz"),
        (
            {"client": {**CLIENT, "error_handler": {"zzz": 1}}, "resources": ["a"]},
            "client.error_handler.zzz",
        ),
        (
            {"client": CLIENT, "resources": ["a"], "resource_defaults": {"zzz": 1}},
            "resource_defaults.zzz",
        ),
        (one({}, zzz=1), "resources.a.zzz"),
        (one({"zzz": 1}), "resources.a.zzz"),
        (one({"paginator": {"type": "header_link", "zzz": 1}}), "resources.a.paginator.zzz"),
        (one({"auth": {"token": "t", "zzz": 1}}), "resources.a.auth.zzz"),
        (
            one({"incremental": {"cursor_path": "x", "zzz": 1}}),
            "resources.a.incremental.zzz",
        ),
        (one({"response_actions": [{"zzz": 1}]}), "resources.a.response_actions[0].zzz"),
        (one({}, processing_steps=[{"zzz": 1}]), "resources.a.processing_steps[0].zzz"),
        (
            one({"params": {"p": {"type": "incremental", "cursor_path": "x", "zzz": 1}}}),
            "resources.a.params.p.zzz",
        ),
    ],
)
def test_unknown_keys_at_every_level(config: dict[str, Any], place: str) -> None:
    """A key that nothing reads is never passed over."""
    assert problems(config).startswith(f"{place}: unknown key `zzz` (known: ")


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return path


FILE = """\
name: tracker
parameters: {size: {default: 5}}
client:
  base_url: "{params.url}"
  auth: {type: bearer, token: "{secrets.key}"}
  headers: {X-Note: "{{plain}}"}
resources:
  - name: a
    endpoint:
      path: "/{params.kind}/x"
      params: {q: "{params.kind}", key: "k={secrets.key}", n: "{params.size}"}
"""


def test_parameters_and_secrets_are_filled_in(tmp_path: Path) -> None:
    """Values come from the caller, defaults from the file; a lone one keeps its type."""
    config = read_config(
        write(tmp_path, FILE),
        params={"url": "https://a.x", "kind": "posts"},
        secret=lambda name, of: f"{of}-{name}-value",
    )
    assert config.client.base_url == "https://a.x"
    assert config.client.auth == models.BearerAuth(token=Secret("tracker-key-value"))
    assert config.secrets == {Secret("tracker-key-value")}
    assert first(config).endpoint.params == {"q": "posts", "key": "k=tracker-key-value", "n": 5}


def test_missing_values_are_named_with_every_place(tmp_path: Path) -> None:
    """Each missing value is told once, with where to set it."""
    path = write(tmp_path, FILE)
    lines = problems(path, secret=lambda name, of: None).splitlines()
    assert [line.removeprefix(str(path)) for line in lines] == [
        ":4:3 client.base_url: parameter `url` has no value (give it with --set url=...)",
        (
            ":5:24 client.auth.token: secret `key` has no value (set KEY or SOURCES__TRACKER__KEY"
            " in the environment, or key in .dlt/secrets.toml, at the top or under"
            " [sources.tracker])"
        ),
        ":10:7 resources.a.path: parameter `kind` has no value (give it with --set kind=...)",
    ]


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a finder, the environment is asked: the config's own section first."""
    monkeypatch.setenv("KEY", "general")
    params = {"url": "https://a.x", "kind": "k"}
    config = read_config(write(tmp_path, FILE), params=params)
    assert config.secrets == {Secret("general")}
    monkeypatch.setenv("SOURCES__TRACKER__KEY", "own")
    assert read_config(write(tmp_path, FILE), params=params).secrets == {Secret("own")}


def test_braces_in_a_value_are_no_placeholders(tmp_path: Path) -> None:
    """What is filled in is taken as it is, whatever signs it has."""
    params = {"url": "https://a.x", "kind": "{x}"}
    config = read_config(write(tmp_path, FILE), params=params, secret=lambda n, o: "s{e}cret")
    assert make_plan(config).steps[0].parents == ()
    assert config.client.auth == models.BearerAuth(token=Secret("s{e}cret"))
    assert config.client.headers == {"X-Note": "{{plain}}"}
    assert first(config).endpoint.params == {"q": "{{x}}", "key": "k=s{{e}}cret", "n": 5}


def test_doubled_braces_are_left_alone(tmp_path: Path) -> None:
    """`{{params.x}}` is plain text, and `{{"a": {params.x}}}` fills the inner one."""
    text = FILE.replace('"{params.kind}"', "'{{params.kind}} {{\"n\": {params.kind}}}'")
    config = read_config(
        write(tmp_path, text),
        params={"url": "https://a.x", "kind": "k"},
        secret=lambda n, o: "s",
    )
    assert first(config).endpoint.params is not None
    assert first(config).endpoint.params["q"] == '{{params.kind}} {{"n": k}}'


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "{hunter2}"])
def test_no_secret_in_reprs(tmp_path: Path, secret: str) -> None:
    """What was filled in as a secret is in no repr, wherever it stands."""
    text = FILE.replace("{params.url}", "https://a.x/{secrets.key}")
    config = read_config(write(tmp_path, text), params={"kind": "k"}, secret=lambda n, o: secret)
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(make_plan(config))
    assert "hunter2" not in str(config.document)


DICT_AUTHS = [
    {"type": "bearer", "token": "hunter2-x"},
    {"type": "api_key", "name": "k", "api_key": "hunter2-x"},
    {"type": "http_basic", "username": "hunter2-u", "password": "hunter2-x"},
    {
        "type": "oauth2_client_credentials",
        "access_token_url": "https://a.x",
        "client_id": "hunter2-i",
        "client_secret": "hunter2-s",
        "access_token_request_data": {"assertion": "hunter2-a"},
    },
    {
        "type": "oauth2_refresh_token",
        "access_token_url": "https://a.x",
        "client_id": "hunter2-i",
        "refresh_token": "hunter2-r",
    },
]


@pytest.mark.parametrize("auth", DICT_AUTHS)
def test_no_credential_of_a_dict_in_reprs_and_errors(auth: dict[str, Any]) -> None:
    """Credentials print as ***, and no message about their surroundings repeats them."""
    config = {"client": {**CLIENT, "auth": auth}, "resources": ["a"]}
    assert "hunter2" not in repr(read_config(config))
    for key in [name for name in auth if name != "type"]:
        wrong = {**auth, f"{key}_": auth[key], key: [auth[key]]}
        assert "hunter2" not in problems({**config, "client": {**CLIENT, "auth": wrong}})


@pytest.mark.parametrize(
    "place",
    [
        'base_url: "hunter2://{secrets.key}"',
        'base_url: "ftp://u:{secrets.key}@host"',
        'base_url: https://a.x\n  auth: {type: "{secrets.key}"}',
        'base_url: https://a.x\n  paginator: "{secrets.key}"',
        'base_url: https://a.x\n  max_concurrency: "{secrets.key}"',
    ],
)
def test_no_secret_in_errors(tmp_path: Path, place: str) -> None:
    """A secret that was put where it does not belong is not repeated."""
    text = f"client:\n  {place}\nresources: [a]\n"
    assert "s3cr3t" not in problems(write(tmp_path, text), secret=lambda n, o: "s3cr3t-value")


def test_no_secret_in_errors_of_the_plan(tmp_path: Path) -> None:
    """Nor by the messages about placeholders of the same path."""
    text = "client: {base_url: 'https://a.x'}\nresources: ['/{secrets.key}/{post_id}']\n"
    config = read_config(write(tmp_path, text), secret=lambda n, o: "s3cr3t-value")
    with pytest.raises(ConfigError, match=r"of `/\*\*\*/\{post_id\}`"):
        make_plan(config)


def test_an_unknown_parameter_is_an_error(tmp_path: Path) -> None:
    """A name given with --set that the file does not have is not passed over."""
    text = problems(
        write(tmp_path, FILE),
        params={"url": "https://a.x", "kind": "k", "sizes": 1},
        secret=lambda n, o: "s",
    )
    assert text.endswith("has no parameter `sizes` (did you mean `size`?)")


STEPS: list[Callable[..., Any]] = [lambda row: row, print]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
PARAMS = st.dictionaries(st.sampled_from("pqr"), JSON, max_size=2)
ENDPOINTS = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from(["/a", "a/{p}"]),
        "http_method": st.sampled_from(["GET", "PUT"]),
        "params": PARAMS,
        "json": PARAMS,
        "paginator": st.sampled_from(
            ["single_page", {"type": "page", "start_from_page": 1}, {"type": "offset"}, None]
        ),
        "auth": st.sampled_from([{"token": "t"}, {"type": "oauth2", "token_url": "u"}]),
        "data_selector": st.sampled_from(["a", ["a", "b"]]),
        "zzz": JSON,
    },
)
CONFIGS = st.fixed_dictionaries(
    {
        "client": st.just({**CLIENT, "auth": {"type": "basic", "username": "u", "password": "p"}}),
        "resources": st.lists(
            st.sampled_from(["x", "y"])
            | st.fixed_dictionaries(
                {"name": st.sampled_from("abc")},
                optional={"endpoint": ENDPOINTS | st.just("b"), "columns": PARAMS},
            ),
            max_size=3,
        ),
    },
    optional={
        "resource_defaults": st.fixed_dictionaries(
            {}, optional={"endpoint": ENDPOINTS, "columns": PARAMS}
        )
    },
)


@given(CONFIGS)
def test_the_dict_is_never_changed(config: dict[str, Any]) -> None:
    """Whatever is read, and whether it is right or not, the caller's dict stays as it was."""
    before = copy.deepcopy(config)
    with suppress(ConfigError):
        make_plan(read_config(config))
    assert config == before


@given(st.dictionaries(st.sampled_from(["client", "resources", "resource_defaults"]), JSON))
def test_anything_is_a_config_or_a_config_error(config: dict[str, Any]) -> None:
    """Nothing but ConfigError comes out of a dict that is no config."""
    try:
        read_config(config)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - that there is one is the point


@pytest.mark.parametrize("name", connector_names())
def test_the_connectors_are_right(name: str) -> None:
    """Every packaged connector is read and planned without a problem."""
    config = read_config(name, params={"base_url": "http://127.0.0.1"}, secret=lambda n, o: "key")
    plan = make_plan(config)
    assert config.name == name
    assert config.notes == ()
    assert {step.name for step in plan.steps} == {item.name for item in config.resources}
    assert not any(isinstance(item, External) for item in config.resources)
