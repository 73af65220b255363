"""Which parent fills which placeholder, and by which rule."""

from __future__ import annotations

import graphlib
from collections.abc import Callable
from typing import Any

import pytest

from headwater.errors import ConfigError
from headwater.plan.graph import Plan
from headwater.plan.naming import plurals, split

Planned = Callable[..., Plan]


def bound(plan: Plan, name: str) -> list[str]:
    """The bindings of a step as text: `post_id <- posts.id by name as _posts_id`."""
    return [
        f"{b.placeholder} <- "
        + ", ".join(f"{p}.{f}" for p, f in zip(b.parents, b.fields, strict=True))
        + f" by {b.rule}"
        + (f" as {b.column}" if b.column else "")
        for b in plan.step(name).bindings
    ]


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        (
            {"tasks": "/v1/projects/{parent_id}/tasks", "projects": "/v1/projects"},
            "parent_id <- projects.id by path prefix as _projects_id",
        ),
        (
            {"projects": "v1/projects/", "flags": "v1/projects/{project_key}/flags"},
            "project_key <- projects.key by path prefix as _projects_key",
        ),
        (
            {"projects": "/projects", "flags": "/flags/{project_key}"},
            "project_key <- projects.key by name as _projects_key",
        ),
        (
            {"work": "/v1/stories", "comments": "/comments/{story_id}"},
            "story_id <- work.id by name as _work_id",
        ),
        (
            {"categories": "/c", "items": "/items/{category_id}"},
            "category_id <- categories.id by name as _categories_id",
        ),
        (
            {"projects": "/p", "flags": "/flags/{projectId}"},
            "projectId <- projects.id by name as _projects_id",
        ),
        (
            {"projects": "/p", "flags": "/flags/{projectKey}"},
            "projectKey <- projects.key by name as _projects_key",
        ),
        (
            {"release-notes": "/p", "x": "/x/{release-note-id}"},
            "release-note-id <- release-notes.id by name as _release-notes_id",
        ),
        (
            {"projectMembers": "/p", "x": "/x/{project_member_id}"},
            "project_member_id <- projectMembers.id by name as _projectMembers_id",
        ),
        (
            {"orgs": "/orgs", "x": "/orgs/{org}/x"},
            "org <- orgs.id by path prefix as _orgs_id",
        ),
        (
            {"issues": "/projects.json", "x": "/projects/{project_id}/x.json"},
            "project_id <- issues.id by name as _issues_id",
        ),
        (
            {"projects": "/p?archived=1", "x": "/p/{pid!s}/x"},
            "pid <- projects.id by path prefix as _projects_id",
        ),
        (
            {"projects": {"primary_key": "uid"}, "x": "/projects/{project_id}/x"},
            "project_id <- projects.uid by path prefix as _projects_uid",
        ),
        (
            {"projects": {"primary_key": ["uid"]}, "x": "/projects/{parent_id}/x"},
            "parent_id <- projects.uid by path prefix as _projects_uid",
        ),
        (
            {"projects": {"primary_key": ["a", "b"]}, "x": "/projects/{project_id}/x"},
            "project_id <- projects.id by path prefix as _projects_id",
        ),
        (
            {
                "epics_stories": "/e/{resources.epics.id}/stories",
                "groups_stories": "/groups",
                "epics": "/epics",
                "x": "/stories/{story_id}/x",
            },
            "story_id <- epics_stories.id, groups_stories.id by producers as _story_id",
        ),
        (
            {"a": "/epics/{epic_id}/stories", "epics": "/epics", "x": "/x/{story_id}"},
            "story_id <- a.id by producers as _a_id",
        ),
    ],
)
def test_what_fills_a_placeholder(planned: Planned, listed: dict[str, Any], text: str) -> None:
    """Path prefix first, then the name, then all that produce such things."""
    plan = planned(**listed)
    child = next(name for name in ("x", "tasks", "flags", "comments", "items") if name in listed)
    assert bound(plan, child) == [text]


def test_the_path_is_stronger_than_the_name(planned: Planned) -> None:
    """A resource whose path leads to the placeholder wins over one that is called like it."""
    plan = planned(stories="/other", jobs="/v1/jobs", x="/v1/jobs/{story_id}/x")
    assert plan.step("x").parents == ("jobs",)


def test_the_name_is_stronger_than_the_last_segment(planned: Planned) -> None:
    """A resource that is called so wins over one whose path ends so."""
    plan = planned(a="/v1/stories", stories="/v2/all", x="/x/{story_id}")
    assert plan.step("x").parents == ("stories",)


def test_part_of_a_word_is_no_producer(planned: Planned) -> None:
    """`grids` does not produce what `{id}` names."""
    with pytest.raises(ConfigError, match=r"nothing fills \{id\}"):
        planned(grids="/grids", x="/x/{id}/y")


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        (
            {"a": "/projects", "b": "projects/", "x": "/projects/{project_id}/x"},
            (
                "resources.x.path: {project_id} of `/projects/{project_id}/x` may be filled by a, b"
                " (rule: path prefix; write {resources.a.id})"
            ),
        ),
        (
            {"a": "/v1/stories", "b": "/v2/stories", "x": "/x/{story_key}"},
            (
                "resources.x.path: {story_key} of `/x/{story_key}` may be filled by a, b (rule: "
                "name; write {resources.a.key})"
            ),
        ),
    ],
)
def test_a_tie_is_an_error(planned: Planned, listed: dict[str, str], text: str) -> None:
    """Two that fit equally well are both named, with the line that decides."""
    with pytest.raises(ConfigError) as caught:
        planned(**listed)
    assert str(caught.value) == text


def test_it_never_binds_to_itself(planned: Planned) -> None:
    """`/posts/{post_id}` called posts has no parent."""
    with pytest.raises(ConfigError, match=r"looked at: no other resource"):
        planned(posts="/posts/{post_id}")


def test_it_never_binds_to_a_descendant(planned: Planned) -> None:
    """What is fetched for rows of a resource cannot fill that resource's own path."""
    text = r"resources\.users\.path: nothing fills \{comment_id\}"
    with pytest.raises(ConfigError, match=text):
        planned(users="/users/{comment_id}", comments="/comments/{resources.users.id}")


def test_descendants_are_left_out_of_a_union(planned: Planned) -> None:
    """Of the producers only those count that do not need the resource itself."""
    plan = planned(
        epics_stories="/e",
        histories="/stories/{story_id}/histories",
        old_stories="/histories/{resources.histories.id}/stories",
    )
    assert plan.step("histories").parents == ("epics_stories",)


def test_nothing_found(planned: Planned) -> None:
    """The error names path, resource, placeholder and what was looked at."""
    with pytest.raises(ValueError, match=r"^resources\.x") as caught:
        planned(posts="/posts", authors="/authors", x="/x/{thing_key}")
    assert str(caught.value) == (
        "resources.x.path: nothing fills {thing_key} of `/x/{thing_key}` (looked at: posts,"
        " authors; write {resources.posts.key} or a param `thing_key`)"
    )


def test_unrelated_names_stay_unbound(planned: Planned) -> None:
    """dlt's own case: `{org}/{repo}/issues` with nothing to fill it is a ValueError."""
    with pytest.raises(ValueError, match=r"nothing fills \{org\}.*\n.*nothing fills \{repo\}"):
        planned(issues="{org}/{repo}/issues/", other="other")


def test_strict_bindings_turn_inference_off(planned: Planned) -> None:
    """With strict_bindings only what is written counts."""
    paths = {"posts": "/posts", "x": "/posts/{post_id}/x"}
    assert planned({"strict_bindings": False}, **paths)
    with pytest.raises(ConfigError, match=r"strict_bindings is on"):
        planned({"strict_bindings": True}, **paths)
    explicit = {**paths, "x": "/posts/{resources.posts.id}/x"}
    assert planned({"strict_bindings": True}, **explicit).step("x").parents == ("posts",)


RESOLVE = {"type": "resolve", "resource": "users", "field": "a.b"}


@pytest.mark.parametrize(
    ("endpoint", "texts"),
    [
        (
            {"path": "/posts/{post_id}", "params": {"post_id": RESOLVE}},
            ["post_id <- users.a.b by explicit"],
        ),
        (
            {"path": "/posts/{resources.users.uid}"},
            ["resources.users.uid <- users.uid by explicit"],
        ),
        (
            {"path": "/x", "params": {"u": "{resources.users.uid}"}},
            ["resources.users.uid <- users.uid by explicit"],
        ),
        (
            {"path": "/x", "json": {"{resources.users.a}": [{"b": "{resources.users.c[0].d}"}]}},
            [
                "resources.users.a <- users.a by explicit",
                "resources.users.c[0].d <- users.c[0].d by explicit",
            ],
        ),
        (
            {"path": "/x", "data": "id={resources.users.id}", "headers": {"h": "{{x}}"}},
            ["resources.users.id <- users.id by explicit"],
        ),
        ({"path": "/posts/{post_id}", "params": {"post_id": 5}}, []),
        ({"path": "", "params": {}}, []),
    ],
)
def test_what_is_written_wins(planned: Planned, endpoint: Any, texts: list[str]) -> None:
    """Explicit forms go before inference, wherever they stand in the request."""
    plan = planned(posts="/posts", users="/users", x={"endpoint": endpoint})
    assert bound(plan, "x") == texts


def test_static_params_move_into_the_path(planned: Planned) -> None:
    """A param named in the path fills it and leaves the query."""
    step = planned(x={"endpoint": {"path": "/{a}", "params": {"a": 1, "b": 2}}}).step("x")
    assert (step.statics, step.params) == ({"a": 1}, {"b": 2})


def test_several_fields_of_one_parent(planned: Planned) -> None:
    """A path may need more than one value of a row."""
    plan = planned(repos="/repos", x="/x/{repo_key}/{repo_id}")
    assert bound(plan, "x") == [
        "repo_key <- repos.key by name as _repos_key",
        "repo_id <- repos.id by name as _repos_id",
    ]


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (
            {"path": "/x/{resources.postz.id}"},
            "there is no resource `postz` (there are: posts, x)",
        ),
        (
            {"path": "/x/{id}", "params": {"id": {**RESOLVE, "resource": "postz"}}},
            "there is no resource `postz` (there are: posts, x)",
        ),
        (
            {"path": "/x", "params": {"id": {**RESOLVE, "resource": "posts"}}},
            "param `id` resolves a placeholder that `/x` does not have (write {id} into the path)",
        ),
        ({"path": "/x/{resources.posts.?}"}, "`?` is no JSONPath"),
        ({"path": "/x/{resources.posts}"}, "nothing is known as {resources.posts}"),
        ({"path": "/x/{state.y}"}, "nothing is known as {state.y} (known: {resources....}"),
        ({"path": "/x/{}"}, "nothing is known as {} "),
        ({"path": "/x/{0}"}, "nothing is known as {0} "),
        ({"path": "/x/{post_id"}, "(write {{ and }} for plain braces)"),
        (
            {"path": "/x", "json": {"query": "{ viewer { login } }"}},
            "resources.x.json: `{ viewer { login } }`: ",
        ),
        (
            {"path": "/x", "json": {"query": "{ viewer }"}},
            (
                "resources.x.json: nothing is known as {viewer} (known: {resources....};"
                " write {{ and }} for plain braces)"
            ),
        ),
        ({"path": "/x", "data": '{"a": 1}'}, "resources.x.data: nothing is known as {"),
        ({"path": "/x", "headers": {"h": "{a"}}, "resources.x.headers: `{a`: "),
        ({"path": "/x", "params": {"q": "{incremental.start_value}"}}, "nothing is known as "),
    ],
)
def test_what_cannot_be_meant(planned: Planned, endpoint: dict[str, Any], text: str) -> None:
    """A wrong name, path or brace is one clear line, never a traceback."""
    with pytest.raises(ConfigError) as caught:
        planned(posts="/posts", x={"endpoint": endpoint})
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_graphql_with_doubled_braces(planned: Planned) -> None:
    """Doubled braces are plain ones, in any text of a request."""
    query = {"query": "{{ viewer {{ login }} }}"}
    plan = planned(x={"endpoint": {"path": "/graphql", "method": "POST", "json": query}})
    assert plan.step("x").bindings == ()


@pytest.mark.parametrize("spelled", ["projects/{project_id}", "projects/{resources.projects.id}"])
def test_parents_carry_what_their_children_need(planned: Planned, spelled: str) -> None:
    """The value of a grandparent comes from the parent's rows, however that one is bound."""
    plan = planned(
        projects="projects",
        boards=f"{spelled}/boards",
        cards="projects/{project_id}/boards/{board_id}/cards",
    )
    boards, cards = plan.step("boards"), plan.step("cards")
    assert [(item.column, str(item.fields[0])) for item in boards.includes] == [
        ("_projects_id", "id")
    ]
    assert bound(plan, "cards") == [
        "project_id <- boards._projects_id by ancestor as _projects_id",
        "board_id <- boards.id by path prefix as _boards_id",
    ]
    assert [item.column for item in cards.includes] == ["_projects_id", "_boards_id"]


def test_values_are_carried_over_several_steps(planned: Planned) -> None:
    """A great-grandchild may need a value of every row above it, in whatever order they stand."""
    plan = planned(
        d="/o/{org_key}/{repo_id}/{resources.issues.number}/{resources.orgs.deep.name}",
        issues="/orgs/{resources.orgs.id}/repos/{resources.repos.id}/issues",
        repos="/orgs/{resources.orgs.id}/repos",
        orgs="/orgs",
    )
    assert [step.name for step in plan.steps] == ["orgs", "repos", "issues", "d"]
    assert plan.step("issues").parents == ("repos",)
    assert plan.step("d").parents == ("issues",)
    carried = {
        name: [(item.column, str(item.fields[0])) for item in plan.step(name).includes]
        for name in ("repos", "issues", "d")
    }
    assert carried == {
        "repos": [
            ("_orgs_id", "id"),
            ("_orgs_deep.name", "deep.name"),
            ("_orgs_key", "key"),
        ],
        "issues": [
            ("_orgs_deep.name", "_orgs_deep.name"),
            ("_orgs_key", "_orgs_key"),
            ("_repos_id", "id"),
        ],
        "d": [("_orgs_key", "_orgs_key"), ("_repos_id", "_repos_id")],
    }


def test_ancestors_by_their_paths(planned: Planned) -> None:
    """`orgs/{org_id}/repos/{repo_id}/issues` needs no more than its paths."""
    plan = planned(
        orgs="orgs", repos="orgs/{org_id}/repos", issues="orgs/{org_id}/repos/{repo_id}/issues"
    )
    assert bound(plan, "issues") == [
        "org_id <- repos._orgs_id by ancestor as _orgs_id",
        "repo_id <- repos.id by path prefix as _repos_id",
    ]


def test_parents_that_are_no_ancestors(planned: Planned) -> None:
    """Two parents side by side are an error that names both."""
    with pytest.raises(ValueError, match="filled by several parents: users, posts") as caught:
        planned(users="/users", posts="/posts", x="/{user_id}/{post_id}")
    assert str(caught.value).startswith("resources.x.path: ")


@pytest.mark.parametrize(
    "listed",
    [
        {"a": "/a/{resources.a.id}"},
        {"a": "/a/{resources.b.id}", "b": "/b/{resources.a.id}"},
        {
            "a": "/a/{resources.b.id}/{resources.c.id}",
            "b": "/b/{resources.c.id}/{resources.a.id}",
            "c": "/c/{resources.a.id}/{resources.b.id}",
        },
        {"x": "/x/{a_id}", "as": "/{resources.b.id}", "b": "/{resources.as.id}"},
    ],
)
def test_circles(planned: Planned, listed: dict[str, str]) -> None:
    """Resources that need each other are graphlib's CycleError and a config error."""
    with pytest.raises(graphlib.CycleError) as caught:
        planned(**listed)
    assert isinstance(caught.value, ConfigError)
    assert "resources depend on each other: " in str(caught.value)
    assert str(caught.value).endswith("(one of them must be asked for without the others)")
    assert caught.value.exit_code == 2


def test_include_from_parent_without_parent(planned: Planned) -> None:
    """There is nothing to include from."""
    with pytest.raises(ValueError, match="include_from_parent is set, but no parent"):
        planned(a={"include_from_parent": ["id"]})


def test_include_from_parent(planned: Planned) -> None:
    """Fields come under dlt's names, once each, beside what inference carries."""
    plan = planned(
        posts="/posts",
        x={"endpoint": "/posts/{post_id}/x", "include_from_parent": ["id", "title"]},
        y={"endpoint": "/y/{resources.posts.id}", "include_from_parent": ["id"]},
        z="/z/{resources.posts.id}",
    )
    columns = {name: [item.column for item in plan.step(name).includes] for name in "xyz"}
    assert columns == {"x": ["_posts_id", "_posts_title"], "y": ["_posts_id"], "z": []}


@pytest.mark.parametrize(
    ("name", "stem", "field"),
    [
        ("story_id", "story", None),
        ("storyId", "story", None),
        ("storyID", "story", None),
        ("project_key", "project", "key"),
        ("user_guid", "user", "guid"),
        ("user_uuid", "user", "uuid"),
        ("post_slug", "post", "slug"),
        ("user_name", "user", "name"),
        ("issue_number", "issue", "number"),
        ("id", "id", None),
        ("key", "key", "key"),
        ("parent", "parent", None),
        ("_id", "_id", None),
        ("story_key_id", "story_key", None),
    ],
)
def test_what_a_placeholder_says(name: str, stem: str, field: str | None) -> None:
    """The suffix is the field; an id is left to the parent's primary key."""
    free = split(name)
    assert (free.stem, free.field) == (stem, field)


@pytest.mark.parametrize(
    ("stem", "plural"),
    [
        ("story", "stories"),
        ("category", "categories"),
        ("day", "days"),
        ("box", "boxes"),
        ("branch", "branches"),
        ("status", "statuses"),
        ("member", "members"),
        ("person", "people"),
    ],
)
def test_plurals(stem: str, plural: str) -> None:
    """What a listing of such things may be called."""
    assert plural in plurals(stem)
