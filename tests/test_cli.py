"""The command line: every verb and option has help and documentation; errors are messages, not tracebacks."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lilliput
from lilliput import cli
from lilliput.cli.entry import INTERRUPTED, VERBS
from lilliput.cli.parser import parser
from lilliput.cli.progress import duration
from lilliput.errors import ToolchainError

DOCUMENT = (Path(__file__).parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")


def verbs() -> dict[str, argparse.ArgumentParser]:
    (actions,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions.choices)


def options() -> Iterator[tuple[str, argparse.Action]]:
    for name, verb in verbs().items():
        for action in verb._actions:
            yield name, action


def section(verb: str) -> str:
    found = re.search(rf"^## lilliput {verb}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section '## lilliput {verb}'"
    return found[1]


def test_every_verb_has_a_function_and_a_section_and_no_section_is_stale() -> None:
    assert set(verbs()) == set(VERBS)
    assert set(re.findall(r"^## lilliput (\w+)", DOCUMENT, re.MULTILINE)) == set(verbs())


@pytest.mark.parametrize(("verb", "action"), list(options()), ids=lambda value: getattr(value, "dest", value))
def test_every_option_has_help_and_stands_in_the_documentation(verb: str, action: argparse.Action) -> None:
    assert action.help, f"{verb} {action.dest} has no help"
    if action.dest == "help":
        return
    text = section(verb)
    names = action.option_strings or [str(action.metavar).split(".")[0]]
    for name in names:
        assert name in text, f"docs/cli.md does not mention '{name}' of lilliput {verb}"


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_explains_itself_and_speaks_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert len(shown.splitlines()) > 6


def test_help_starts_quickly_and_imports_nothing_heavy() -> None:
    start = time.perf_counter()
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lilliput", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.perf_counter() - start < 1.5  # a loaded test machine; by itself it takes a tenth of a second
    assert "VERB" in found.stdout
    for heavy in ("torch", "numpy", "pydantic", "optuna", "rich"):
        assert not re.search(rf"\| +{heavy}$", found.stderr, re.MULTILINE), heavy


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"lilliput {lilliput.__version__}\n"


def test_without_a_verb_the_help_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage" in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["search"],
        ["search", "c.toml"],
        ["search", "c.toml", "-o", "run", "--workers", "0"],
        ["search", "c.toml", "-o", "run", "--workers", "many"],
        ["measure", "dir", "--on", "moon"],
        ["compile", "m.safetensors", "-o", "out"],
        ["front", "run", "--jso"],
    ],
)
def test_bad_usage_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "{tmp}/none.toml", "-o", "{tmp}/run"], ["none.toml does not exist"]),
        (["front", "{tmp}"], ["holds no search"]),
        (["report", "{tmp}/none"], ["holds no search"]),
        (["compile", "{tmp}/none.safetensors", "--board", "generic-m4", "-o", "{tmp}/o"], ["does not exist"]),
        (["compile", "{tmp}#3", "--board", "generic-m4", "-o", "{tmp}/o"], ["holds no search"]),
        (["compile", "x", "--board", "generic-m5", "-o", "{tmp}/o"], ["no board 'generic-m5'", "generic-m4"]),
        (["measure", "{tmp}"], ["holds no compiled network"]),
        (["info", "{tmp}/none.onnx"], ["does not exist"]),
    ],
)
def test_bad_input_is_a_message_and_status_2(
    arguments: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = cli.main([argument.format(tmp=tmp_path) for argument in arguments])
    shown = capsys.readouterr()
    assert status == 2
    assert shown.out == ""
    for word in words:
        assert word in shown.err
    assert "Traceback" not in shown.err
    assert list(tmp_path.iterdir()) == []


def test_a_failure_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: argparse.Namespace) -> int:
        raise ToolchainError("no compiler", "none is there", "install one")

    monkeypatch.setitem(VERBS, "boards", fail)
    assert cli.main(["boards"]) == 1
    assert "next: install one" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(VERBS, "search", interrupted)
    assert cli.main(["search", "my config.toml", "-o", "run", "--workers", "2"]) == INTERRUPTED
    shown = capsys.readouterr().err
    assert "lilliput search 'my config.toml' -o run --resume --workers 2" in shown


def test_boards_prints_json_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["boards", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"generic-m4", "rp2040"} <= {board["name"] for board in found}


def test_tables_do_not_depend_on_the_width_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["boards"]) == 0
    assert "NUCLEO-L4R5ZI (STM32L4R5ZI)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (89, "89 s"), (100, "2 min"), (5000, "83 min"), (7800, "2 h 10 min")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_verbs_are_functions_of_the_package_too() -> None:
    for verb in VERBS:
        assert callable(getattr(lilliput, verb)), verb
    assert [board.name for board in lilliput.boards()]


def test_a_verb_that_is_a_room_too_stays_a_module() -> None:
    code = (
        "import lilliput.measure.artifact, lilliput\n"
        "assert lilliput.measure.artifact.MANIFEST == 'lilliput.json'\n"
        "assert callable(lilliput.measure) and callable(lilliput.search)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
