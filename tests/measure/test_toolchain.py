"""Which compiler is taken, and what is said when there is none."""

import importlib.util
import os
import shutil
import stat

import pytest
from tests.measure.small import ZIG, needs_gcc, needs_zig

from lilliput.errors import ToolchainError
from lilliput.measure import toolchain as module
from lilliput.measure.toolchain import find_host_compiler, find_toolchain, host_title, run_compiler
from lilliput.targets import board

M4 = board("generic-m4")


@pytest.fixture
def empty_path(tmp_path, monkeypatch):
    """A PATH without any compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CC", raising=False)
    return folder


def program(folder, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!{shutil.which('sh') or '/bin/sh'}\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@needs_gcc
def test_gcc_on_the_path_comes_first() -> None:
    assert find_toolchain(M4).title.startswith("arm-none-eabi-gcc ")


@needs_zig
def test_zig_comes_where_there_is_no_gcc(empty_path) -> None:
    found = find_toolchain(M4)
    assert found.title.startswith("zig ")
    assert "thumb-freestanding-eabihf" in found.flags


def test_without_any_compiler_both_ways_to_get_one_are_told(empty_path, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError) as caught:
        find_toolchain(M4)
    assert "gcc-arm-none-eabi" in caught.value.hint
    assert "lilliput[zig]" in caught.value.hint
    assert caught.value.exit_status == 1


def test_a_named_compiler_that_is_not_there_is_refused() -> None:
    with pytest.raises(ToolchainError, match="no-such-gcc"):
        find_toolchain(M4, "no-such-gcc")


def test_a_compiler_for_another_machine_is_refused(tmp_path) -> None:
    other = program(tmp_path, "gcc", "echo x86_64-linux-gnu")
    with pytest.raises(ToolchainError, match="x86_64-linux-gnu"):
        find_toolchain(M4, other)


def test_a_named_compiler_may_be_a_command_line(tmp_path) -> None:
    mine = program(
        tmp_path, "my-gcc", 'case "$*" in *dumpmachine) echo arm-none-eabi;; *) echo 13.3.1;; esac'
    )
    found = find_toolchain(M4, f"{mine} -pipe")
    assert found.title == "my-gcc 13.3.1"
    assert found.command == (mine, "-pipe")


@needs_zig
def test_zig_can_be_named() -> None:
    assert find_toolchain(M4, ZIG).title.startswith("zig ")


def test_a_home_that_cannot_be_written_moves_zigs_cache(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("ZIG_GLOBAL_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("HOME", str(blocked))
    ((name, folder),) = module._zig_environment()
    assert name == "ZIG_GLOBAL_CACHE_DIR"
    assert os.access(folder, os.W_OK)


def test_zigs_cache_stays_where_the_user_put_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path))
    assert module._zig_environment() == ()


def test_a_failed_compiler_shows_its_errors(tmp_path) -> None:
    broken = program(tmp_path, "cc", "echo 'note: this' >&2; echo 'x.c:1: error: that' >&2; exit 3")
    with pytest.raises(ToolchainError, match="error: that") as caught:
        run_compiler([broken])
    assert "status 3" in caught.value.what
    assert "note" not in caught.value.why


def test_a_hanging_compiler_is_ended(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with pytest.raises(ToolchainError, match="did not finish"):
        run_compiler([program(tmp_path, "cc", "exec sleep 10")])


def test_the_host_compiler_can_be_named(monkeypatch, tmp_path) -> None:
    mine = program(tmp_path, "mycc", "echo mycc 1.0")
    monkeypatch.setenv("CC", f"{mine} -g")
    assert find_host_compiler() == (mine, "-g")
    assert host_title((mine,)) == "mycc 1.0"


def test_without_a_host_compiler_the_package_is_named(empty_path) -> None:
    with pytest.raises(ToolchainError) as caught:
        find_host_compiler()
    assert "apt install gcc" in caught.value.hint
