"""The rules that keep the code in layers, each checked on the source itself."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "headwater"
LAYERS = {
    "errors": set(),
    "events": set(),
    "arrow": set(),
    "kinds": {"arrow"},
    "objects": {"errors"},
    "config": {"errors"},
    "plan": {"errors", "config"},
    "fetch": {"errors", "events", "config"},
    "decode": {"errors", "arrow", "kinds", "objects"},
    "tables": {"errors", "arrow", "kinds", "objects"},
    "run": {"errors", "events", "arrow", "config", "plan", "fetch", "decode"},
    "report": {"events"},
    "simulate": {"errors", "config", "plan"},
}
LAYERS["load"] = set(LAYERS) - {"report", "simulate"}
LAYERS["sync"] = {*LAYERS["load"], "load", "report"}
LAYERS["cli"] = set(LAYERS)
HOMES = {
    "aiohttp": ("fetch.wire", "simulate"),
    "yarl": ("fetch.client", "fetch.wire", "simulate"),
    "dlt": ("load", "sync", "fetch.compat"),
    "requests": ("fetch.compat", "load"),
    "pydantic": ("config",),
    "pydantic_core": ("config",),
    "pyarrow": ("arrow", "kinds", "decode", "tables", "load", "run"),
    "typer": ("cli",),
    "click": ("cli",),
    "rich": ("cli",),
}
MOST_LINES, MOST_FUNCTION_LINES = 400, 60
ADDRESSES = ("pypi." + "org", "registry.npmjs" + ".org", "files.pythonhosted" + ".org")
MACHINE = ("/wo" + "rk/", "fa" + "rm-")


def name_of(path: Path) -> str:
    """`fetch.client`; a package is called like its folder, the top `__init__` is empty."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
each_module = pytest.mark.parametrize("name", MODULES)


def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports_of(name: str) -> Iterator[str]:
    """Every module that `name` imports, wherever in its text."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            # `from headwater.cli import plan` takes a module out of its package.
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            own = [m for m in modules if m.removeprefix("headwater.") in MODULES]
            yield from own or [str(node.module)]


def is_within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


@each_module
def test_a_module_imports_only_from_below(name: str) -> None:
    """Data flows one way, and imports point the same way."""
    layer = name.partition(".")[0]
    if layer in ("", "__main__", "connectors"):  # the doors, and data without code
        return
    ours = {m.split(".")[1] for m in imports_of(name) if m.startswith("headwater.")}
    assert ours - {layer, "__version__"} <= LAYERS[layer]


def test_the_order_has_no_circle() -> None:
    """The layers stand one above the other."""
    placed: set[str] = set()
    for layer, below in LAYERS.items():
        assert below <= placed, layer
        placed.add(layer)


@each_module
def test_libraries_stay_home(name: str) -> None:
    """Each foreign library is imported where it is meant to be, and nowhere else."""
    for module in imports_of(name):
        homes = HOMES.get(module.split(".")[0])
        assert homes is None or is_within(name, homes), f"{name} imports {module}"


@each_module
def test_a_module_says_what_it_owns(name: str) -> None:
    """The first line of a module is one whole sentence."""
    doc = ast.get_docstring(tree_of(name)) or ""
    first = doc.splitlines()[0] if doc else ""
    assert first.endswith(".")
    assert not first.lower().startswith(("module", "this ", "contains"))


@each_module
def test_modules_and_functions_are_short(name: str) -> None:
    """No module is over 400 lines, no function over 60."""
    lines = MODULES[name].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    for node in ast.walk(tree_of(name)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MOST_FUNCTION_LINES, f"{name}.{node.name}: {length} lines"


def test_no_address_of_a_registry_or_a_machine() -> None:
    """No file of the repository says where packages come from or where it was written."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for file in sorted({ROOT / item for item in listed.split("\0") if item}):
        text = file.read_text(encoding="utf-8", errors="ignore") if file.is_file() else ""
        found += [f"{file}: {word}" for word in (*ADDRESSES, *MACHINE) if word in text]
    assert found == []
