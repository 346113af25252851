"""The documentation keeps its word: links lead somewhere, settings are described, examples run."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import lilliput
from lilliput.cli.parser import parser
from lilliput.codegen import generate
from lilliput.config import ExperimentSettings, Settings, read, read_experiment
from lilliput.config.reading import tables
from lilliput.net import DType, FullyConnected, Net, Normalization, Tensor
from lilliput.passes import lower
from lilliput.targets import board, boards

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")])
EXAMPLES = sorted(ROOT.glob("examples/*.toml"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    return re.sub(r"^ {4}.*$|`[^`]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), flags=re.M)


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), flags=re.S | re.M)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{name_of(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(place.read_text(encoding="utf-8")), (
                f"{name_of(page)}: no heading {target}"
            )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"`((?:src/lilliput|examples|tests|docs|tools)/[\w./-]+)`", text):
        assert (ROOT / target).exists(), f"{name_of(page)} names {target}, which is not there"


def commands() -> Iterator[tuple[str, str]]:
    """Commands of the package that a page shows in full, without the ones that only show the grammar."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.findall(r"^(?: {4}|\$ )?(?:\.venv/bin/)?(lilliput [a-z].*?)(?: +#.*)?$", text, re.M):
            if not re.search(r"[\[\]|…]", found):
                yield name_of(page), found


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_every_command_that_is_shown_can_be_typed(page: str, command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


def test_every_setting_is_described_with_its_default() -> None:
    for name, text in configuration_tool().pages().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, "run `make docs`"


@pytest.mark.parametrize(
    ("name", "top"), [("configuration.md", Settings), ("experiment-keys.md", ExperimentSettings)]
)
def test_no_setting_lacks_words(name: str, top: type[Settings] | type[ExperimentSettings]) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for table, keys in tables(top).items():
        refers = re.search(rf"^## \[{re.escape(table.rpartition('.')[0])}\]\n\nThe keys of", page, re.M)
        if table and not refers:
            assert f"\n## [{table}]\n" in page or f"\n## [[{table}]]\n" in page
        for key in keys:
            assert re.search(rf"^\| `{key}` \| .+ \| .+ \| \S.* \|$", page, re.M), (
                f"{table}.{key} has no words"
            )


def configuration_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / "configuration_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["tool"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_every_example_is_a_valid_configuration(path: Path) -> None:
    settings = read(path)
    assert settings.board in {known.name for known in boards()}


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/experiments/*.toml")), ids=name_of)
def test_every_example_of_an_experiment_is_valid(path: Path) -> None:
    for name in read_experiment(path).deploy.boards:
        assert board(name).active_mw is not None or board(name).name == "rp2040"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_call_that_is_shown_can_be_made(page: Path) -> None:
    """Calls of the package in indented Python, checked against the functions' signatures."""
    for line in re.findall(
        r"^ {4,}(?:\w+ = )?(lilliput\.\w+\(.*\))$", page.read_text(encoding="utf-8"), re.M
    ):
        call = ast.parse(line, mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Attribute)
        function = getattr(lilliput, call.func.attr)
        arguments = [ast.literal_eval(argument) for argument in call.args]
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        inspect.signature(function).bind(*arguments, **keywords)


def test_every_verb_is_described() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for verb in (
        "demo",
        "search",
        "run",
        "front",
        "compile",
        "measure",
        "export",
        "info",
        "report",
        "boards",
        "doctor",
    ):
        assert f"lilliput {verb}" in text


def gesture() -> Net:
    """The network of docs/c-api.md: four bytes, three classes."""
    weights = np.array([[-1, 0, 0, 0.5], [1, -0.5, 0, 0], [0, 1, 1, 0]], np.float32)
    return Net(
        name="gesture",
        ops=(FullyConnected(name="scores", inputs=("sensor", "w", "b"), outputs=("score",)),),
        tensors={
            "sensor": Tensor("sensor", (4,)),
            "w": Tensor("w", (3, 4), constant=True, data=weights),
            "b": Tensor("b", (3,), constant=True, data=np.zeros(3, np.float32)),
            "score": Tensor("score", (3,)),
        },
        inputs=("sensor",),
        outputs=("score",),
        labels=("still", "wave", "circle"),
        normalization=Normalization(DType.UINT8, (128.0,), (64.0,)),
    )


@pytest.fixture(scope="module")
def gesture_files() -> dict[str, str]:
    target = board("generic-m4")
    planned = lower(gesture(), {"sensor": (-2.0, 2.0), "score": (-4.0, 4.0)}, target.core)
    return generate(planned, target)


def test_the_header_in_the_documentation_is_a_generated_one(gesture_files: dict[str, str]) -> None:
    header = gesture_files["gesture.h"]
    for line in blocks("docs/c-api.md", "c")[0].splitlines():
        assert f"\n{line}\n" in header, f"the header has no line\n{line}\n{header}"


def test_the_program_in_the_documentation_prints_what_it_says(
    gesture_files: dict[str, str], tmp_path: Path
) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    for name, text in {**gesture_files, "main.c": blocks("docs/c-api.md", "c")[1]}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    sources = sorted(str(path) for path in tmp_path.glob("*.c"))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
    subprocess.run([compiler, *flags, f"-I{tmp_path}", *sources, "-o", str(tmp_path / "main")], check=True)
    found = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True)
    assert found.stdout == blocks("docs/c-api.md", "text")[0]


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "src" / "lilliput").iterdir()):
        if path.name.startswith("_") or path.suffix == ".typed":
            continue
        name = f"`{path.name}/`" if path.is_dir() else f"`{path.name}`"
        assert name in page, f"ARCHITECTURE.md does not say what {name} is"
