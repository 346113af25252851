"""`lilliput doctor` says what is there, and what to do about what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lilliput import cli
from lilliput.doctor import Finding, examine, healthy


def test_everything_is_looked_for() -> None:
    names = {finding.name for finding in examine()}
    wanted = {"python", "torch", "numpy", "host C compiler", "chip C compiler", "emulator unicorn", "GPU"}
    assert wanted <= names
    assert {"data set digits", "data set fashion-mnist", "data set mnist"} <= names


def test_what_is_missing_comes_with_advice() -> None:
    for finding in examine():
        assert finding.state in ("ok", "missing", "optional")
        assert finding.detail
        assert finding.state == "ok" or finding.hint, finding


def test_a_missing_compiler_makes_the_machine_unhealthy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *arguments, **options: None)
    monkeypatch.delenv("CC", raising=False)
    findings = {finding.name: finding for finding in examine()}
    assert findings["host C compiler"].state == "missing"
    assert "install a C compiler" in findings["host C compiler"].hint
    assert cli.main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)


def test_optional_things_do_not_matter() -> None:
    assert healthy((Finding("qemu", "optional", "no", "install it"), Finding("cc", "ok", "cc")))
    assert not healthy((Finding("cc", "missing", "no", "install it"),))
