"""Rooms import downward only, torch stays in its room, and nothing runs strings as code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "lilliput"
EVERYONE_MAY = {"errors", "results"}
ROOMS_ABOVE = {
    "net",
    "targets",
    "passes",
    "cost",
    "formats",
    "data",
    "train",
    "search",
    "codegen",
    "runtime",
    "measure",
    "report",
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "results": set(),
    "net": set(),
    "targets": {"net"},
    "passes": {"net", "targets"},
    "cost": {"net", "targets", "passes"},
    "formats": {"net"},
    "data": {"net"},
    "train": {"net", "data"},
    "search": {"net"},
    "runtime": set(),
    "codegen": {"net", "targets", "runtime"},
    "measure": {"net", "targets", "passes", "codegen", "runtime"},
    "report": {"net"},
    "config": ROOMS_ABOVE,
    "flow": ROOMS_ABOVE | {"config", "doctor"},
    "doctor": ROOMS_ABOVE,
    "cli": ROOMS_ABOVE | {"config", "flow", "doctor"},
    "__main__": {"cli"},
    "__init__": {"net", "config", "flow"},
}
THIRD_PARTY: dict[str, set[str]] = {
    "errors": set(),
    "results": set(),
    "net": {"numpy", "safetensors"},
    "report": {"numpy"},
    "codegen": {"numpy"},
    "passes": {"numpy"},
}
"""Rooms that live with little; the others may use any dependency of the package."""
LATE_TORCH = {"train", "formats"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
LINES = 400
LONGER_THAN_A_SCREEN: dict[str, str] = {}
"""File → why it is longer than the house rule allows."""


@dataclass(frozen=True)
class Import:
    """One import statement: what is imported, where, and whether inside a function."""

    module: str
    line: int
    late: bool


def python_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[Import]:
    """Every module that the file imports, relative imports resolved."""
    package = ["lilliput", *path.relative_to(SOURCE).parts[:-1]]

    def visit(node: ast.AST, late: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, late)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                module = ".".join([*base, *([child.module] if child.module else [])])
                if module == "lilliput":
                    for alias in child.names:
                        yield Import(f"lilliput.{alias.name}", child.lineno, late)
                else:
                    yield Import(module, child.lineno, late)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from visit(child, late or inside)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), late=False)


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_every_room_stands_in_the_table() -> None:
    found = {room_of(path) for path in python_files()}
    assert found <= set(MAY_IMPORT), f"say in MAY_IMPORT what these may import: {found - set(MAY_IMPORT)}"


def test_the_table_itself_points_downward() -> None:
    def below(room: str, seen: tuple[str, ...]) -> None:
        assert room not in seen, f"rooms import each other: {' → '.join((*seen, room))}"
        for lower in MAY_IMPORT[room]:
            below(lower, (*seen, room))

    for room in MAY_IMPORT:
        below(room, ())


@pytest.mark.parametrize("path", python_files(), ids=name_of)
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    room = room_of(path)
    allowed = MAY_IMPORT[room] | EVERYONE_MAY | {room}
    for found in imports_of(path):
        parts = found.module.split(".")
        if parts[0] != "lilliput" or parts[1:] in ([], ["__version__"]):
            continue
        assert parts[1] in allowed, (
            f"{name_of(path)}:{found.line} imports {found.module}; {room} may import {sorted(allowed)}"
        )


@pytest.mark.parametrize("path", python_files(), ids=name_of)
def test_torch_is_imported_only_where_it_lives(path: Path) -> None:
    room = room_of(path)
    for found in imports_of(path):
        if found.module.split(".")[0] not in {"torch", "torchvision", "torchaudio"}:
            continue
        where = f"{name_of(path)}:{found.line}"
        assert room in LATE_TORCH, f"{where} imports torch, which lives in train"
        assert found.late or (room == "train" and path.name != "settings.py"), (
            f"{where} imports torch when it is imported itself; import it inside the function that needs it"
        )


@pytest.mark.parametrize(
    "path", [path for path in python_files() if room_of(path) in THIRD_PARTY], ids=name_of
)
def test_a_small_room_needs_few_packages(path: Path) -> None:
    room = room_of(path)
    allowed = THIRD_PARTY[room] | {"lilliput"} | sys.stdlib_module_names
    for found in imports_of(path):
        assert found.module.split(".")[0] in allowed, f"{name_of(path)}:{found.line} imports {found.module}"


@pytest.mark.parametrize("path", python_files(), ids=name_of)
def test_no_file_runs_strings_or_unpickles(path: Path) -> None:
    for found in imports_of(path):
        assert found.module.split(".")[0] not in FORBIDDEN_MODULES, (
            f"{name_of(path)}:{found.line} imports {found.module}"
        )
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        where = f"{name_of(path)}:{node.lineno}"
        if isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}, f"{where} calls {node.func.id}"
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and isinstance(keyword.value, ast.Constant):
                assert keyword.value.value is False, f"{where} lets numpy unpickle"
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "torch.load":
            raise AssertionError(f"{where} unpickles with torch.load; weights are safetensors")


@pytest.mark.parametrize(
    "path", [path for path in sorted(SOURCE.rglob("*")) if path.suffix in {".py", ".c", ".h"}], ids=name_of
)
def test_a_file_is_about_one_screen_of_ideas(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES or name_of(path) in LONGER_THAN_A_SCREEN, (
        f"{name_of(path)} has {lines} lines: split it, or say why not in LONGER_THAN_A_SCREEN"
    )


@pytest.mark.parametrize("module", ["lilliput", "lilliput.cli", "lilliput.train.settings", "lilliput.report"])
def test_importing_the_package_leaves_torch_alone(module: str) -> None:
    path = SOURCE.joinpath(*module.split(".")[1:])
    if not (path.is_dir() or path.with_suffix(".py").exists()):
        pytest.skip(f"{module} is not there")
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"importing {module} imports torch\n{found.stderr}"
