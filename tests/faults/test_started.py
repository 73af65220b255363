"""A process that died between the warehouse's commit of a file and dlt's note of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.common.storages.load_package import PackageStorage
from tests.load.conftest import Api
from tests.load.conftest import api as api_fixture

from headwater import rest_api_source
from headwater.config.read import read_config
from headwater.load.claims import SUFFIX
from headwater.load.locks import Lock
from headwater.load.started import claimed
from headwater.sync import sync

api = api_fixture
NAME = "died"
KEYED = {"primary_key": "id"}
UPSERT = {"disposition": "merge", "strategy": "upsert"}
SCD2 = {"disposition": "merge", "strategy": "scd2"}
# dlt says through an old method that it loads what is pending first.
loads_what_is_pending = pytest.mark.filterwarnings(
    "ignore:The 'warn' method is deprecated:DeprecationWarning"
)
Load = Callable[[Path], object]
Counts = dict[str, tuple[int, int]]


def config_of(api: Api, disposition: Any, **more: Any) -> dict[str, Any]:
    endpoint = {"path": "rows", "data_selector": "data"}
    rows = {"name": "rows", "endpoint": endpoint, "write_disposition": disposition, **more}
    return {"client": {"base_url": api.base_url}, "resources": [rows]}


def serve(api: Api, at: int) -> None:
    api.paths["rows"] = {"data": [{"id": n, "at": at, "tags": ["a", "b%"]} for n in range(50)]}


def opened(folder: Path) -> dlt.Pipeline:
    destination = dlt.destinations.duckdb(str(folder / "it.duckdb"))
    folders = {"pipelines_dir": str(folder / "pipelines"), "dataset_name": "raw"}
    return dlt.pipeline(NAME, destination=destination, **folders)


def running(config: dict[str, Any], file_format: Any = None, backend: Any = "arrow") -> Load:
    def load(folder: Path) -> None:
        pipeline = opened(folder)
        pipeline.run(rest_api_source(config, backend=backend), loader_file_format=file_format)

    return load


def running_late(config: dict[str, Any]) -> Load:
    """The source is made before its pipeline, and that is told where to only when it runs."""

    def load(folder: Path) -> None:
        source = rest_api_source(config)
        destination = dlt.destinations.duckdb(str(folder / "it.duckdb"))
        pipeline = dlt.pipeline(NAME, pipelines_dir=str(folder / "pipelines"))
        pipeline.run(source, destination=destination, dataset_name="raw")

    return load


def syncing(config: dict[str, Any]) -> Load:
    def load(folder: Path) -> None:
        to, pipelines = f"duckdb:///{folder}/it.duckdb", str(folder / "pipelines")
        sync(read_config(config), to=to, dataset="raw", pipeline_name=NAME, pipelines_dir=pipelines)

    return load


def counts(folder: Path) -> Counts:
    """Of each table with data: how many rows, and of how many ids."""
    with closing(duckdb.connect(str(folder / "it.duckdb"), read_only=True)) as database:
        found = database.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'")
        names = [name for (name,) in found.fetchall() if not name.startswith("_dlt_")]
        sql = 'SELECT count(*), count(DISTINCT _dlt_id) FROM raw."{}"'
        # One row each.
        return {n: database.execute(sql.format(n)).fetchall()[0] for n in sorted(names)}


def images_of(load: Load, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """What a crash would leave at each instant after a commit, by the file that was committed.

    They are copies of all files, made in a load that goes on to its end.
    """
    images: dict[str, Path] = {}
    note = PackageStorage.save_pending_transition

    def copied(storage: PackageStorage, load_id: str, name: str, *rest: Any) -> None:
        images[name] = shutil.copytree(folder, folder.with_name(f"image{len(images)}"))
        note(storage, load_id, name, *rest)

    with monkeypatch.context() as patch:
        # One file at a time.
        patch.setenv("LOAD__WORKERS", "1")
        patch.setattr(PackageStorage, "save_pending_transition", copied)
        load(folder)
    return {name: image for name, image in images.items() if not name.startswith("_dlt_")}


@loads_what_is_pending
@pytest.mark.parametrize(
    ("disposition", "more", "loading", "format_and_backend", "strategy"),
    [
        ("append", {}, running, (), ""),
        ("append", {}, running_late, (), ""),
        ("append", {}, syncing, (), ""),
        ("append", {}, running, (None, "objects"), ""),
        ("append", {}, running, ("jsonl", "objects"), ""),
        ("replace", {}, running, (), ""),
        ("replace", {}, running, (), "insert-from-staging"),
        ("merge", {}, running, (), ""),
        (UPSERT, KEYED, running, (), ""),
        (SCD2, KEYED, running, (), ""),
    ],
    ids=[
        "append",
        "append, source first",
        "append by sync",
        "append inserts",
        "append jsonl",
        "replace",
        "replace from staging",
        "merge without a key",
        "upsert",
        "scd2",
    ],
)
def test_rows_that_had_arrived_are_there_once(
    disposition: Any,
    more: dict[str, str],
    loading: Callable[..., Load],
    format_and_backend: tuple[Any, ...],
    strategy: str,
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a crash behind any commit, the same command leaves what an undisturbed run leaves."""
    if strategy:
        monkeypatch.setenv("DESTINATION__REPLACE_STRATEGY", strategy)
    load = loading(config_of(api, disposition, **more), *format_and_backend)
    serve(api, at=1)
    (tmp_path / "whole").mkdir()
    load(tmp_path / "whole")
    serve(api, at=2)
    images = images_of(load, tmp_path / "whole", monkeypatch)
    assert {name.split(".")[0] for name in images} >= {"rows", "rows__tags"}
    wanted = counts(tmp_path / "whole")
    for name, image in images.items():
        load(image)
        assert (name, counts(image)) == (name, wanted)


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def image_of_rows(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    serve(api, at=1)
    images = images_of(running(config_of(api, "append")), folder, monkeypatch)
    (image,) = [image for name, image in images.items() if name.startswith("rows.")]
    return image


def claim_in(image: Path) -> Path:
    (found,) = image.glob(f"pipelines/{NAME}/headwater/*{SUFFIX}")
    return found


def rows_after_claiming(image: Path) -> tuple[int, int]:
    with claimed(opened(image)):
        return counts(image)["rows"]


def test_files_of_a_process_that_lives_are_left_alone(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process loads is not taken out under its hands, until it has died."""
    image = image_of_rows(api, tmp_path / "whole", monkeypatch)
    words = [sys.executable, "-c", HOLD, str(claim_in(image))]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert rows_after_claiming(image) == (50, 50)
        other.kill()
    assert rows_after_claiming(image) == (0, 0)


@pytest.mark.parametrize("mark", ["no mark", "a mark"])
def test_files_that_were_begun_without_a_claim_are_left_alone(
    mark: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another source's package, or one that dlt's command line loads, nobody knows who lives."""
    image = image_of_rows(api, tmp_path / "whole", monkeypatch)
    if mark == "no mark":
        claim_in(image).unlink()
    else:
        claim_in(image).write_text("")
    assert rows_after_claiming(image) == (50, 50)


@loads_what_is_pending
@pytest.mark.parametrize("loads", [running, syncing])
def test_a_load_is_claimed_as_long_as_it_goes_on(
    loads: Callable[[dict[str, Any]], Load],
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the process that loads, whoever made the package; there is no claim when it is over."""
    serve(api, at=1)
    pipeline = opened(tmp_path)
    pipeline.extract(rest_api_source(config_of(api, "append")))
    pipeline.normalize()
    was_free: list[bool] = []
    note = PackageStorage.save_pending_transition

    def seen(*args: Any) -> None:
        try:
            Lock(claim_in(tmp_path)).release()
            was_free.append(True)
        except BlockingIOError:
            was_free.append(False)
        note(*args)

    monkeypatch.setattr(PackageStorage, "save_pending_transition", seen)
    loads(config_of(api, "append"))(tmp_path)
    assert was_free
    assert not any(was_free)
    assert [*tmp_path.glob(f"pipelines/{NAME}/headwater/*{SUFFIX}")] == []


@loads_what_is_pending
def test_rows_of_earlier_loads_with_the_same_ids_stay(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a dlt dataset that an API serves bring their ids: each load adds them again."""
    rows = [{"id": n, "_dlt_id": f"given{n}", "tags": ["a", "b"]} for n in range(50)]
    load = running(config_of(api, "append"))
    api.paths["rows"] = {"data": rows}
    load(tmp_path / "whole")
    images = images_of(load, tmp_path / "whole", monkeypatch)
    for name, image in images.items():
        load(image)
        assert (name, counts(image)["rows"]) == (name, (100, 50))
        assert (name, counts(image)["rows__tags"]) == (name, (200, 200))
