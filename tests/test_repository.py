"""What the repository promises to whoever clones it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import lilliput

ROOT = Path(__file__).parents[1]
MOST_BYTES = 3_000_000
"""Of one file; results are kept small."""


def project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        found = tomllib.load(stream)["project"]
    assert isinstance(found, dict)
    return found


def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nothing says which files belong to the repository")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "The Lilliput authors" in text
    assert project()["license"] == "Apache-2.0"


def test_the_version_is_the_same_everywhere() -> None:
    assert project()["version"] == lilliput.__version__
    assert f"## {lilliput.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_torch_is_pinned_for_the_project_and_a_range_for_the_package() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert any(re.fullmatch(r"torch==[\d.]+", line) for line in constraints)
    dependencies = project()["dependencies"]
    assert isinstance(dependencies, list)
    (torch,) = (entry for entry in dependencies if re.match(r"torch\b", entry))
    assert "==" not in torch


@pytest.mark.parametrize("name", [".ci/run", "tools/environment.sh"])
def test_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash on this machine")
    subprocess.run([shell, "-n", str(ROOT / name)], check=True)


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    for target in set(phony.split()) - {"help"}:
        assert re.search(rf"^{target}:", makefile, re.M), f"there is no target {target}"
        assert f"'make {target} " in makefile, f"make help does not name {target}"


def test_nothing_in_the_repository_names_a_machine_it_was_made_on() -> None:
    # Spelt apart, so that this file does not name them either.
    words = ["/work" + "/", "/tmp/" + "venv", "ses" + "sion of the project", "file:///opt" + "/"]
    for path in tracked():
        if path.suffix in {".png", ".npy", ".npz", ".safetensors", ".tflite", ".gz", ".elf"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for word in words:
            assert word not in text, f"{path.relative_to(ROOT)} names {word}"


def test_no_file_is_large_and_none_is_a_pickle() -> None:
    for path in tracked():
        assert path.stat().st_size <= MOST_BYTES, f"{path.relative_to(ROOT)} is too large to keep"
        assert path.suffix not in {".pkl", ".pickle", ".pt", ".pth", ".joblib"}


def test_every_test_folder_mirrors_a_room_or_has_a_purpose_of_its_own() -> None:
    rooms = {path.stem for path in (ROOT / "src" / "lilliput").iterdir()}
    own = {"contract", "regression", "golden", "c", "fuzz"}
    found = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert found <= rooms | own, f"tests/{found - rooms - own} mirrors nothing"


def test_everything_that_the_package_reads_is_shipped_in_the_wheel() -> None:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        patterns = tomllib.load(stream)["tool"]["setuptools"]["package-data"]["lilliput"]
    package = ROOT / "src" / "lilliput"
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    for path in tracked():
        if package in path.parents and path.suffix not in {".py", ".md"}:
            assert path in shipped, f"{path.relative_to(package)} is in no pattern of package-data"


def test_every_benchmark_is_known_to_its_driver() -> None:
    driver = (ROOT / "benchmarks" / "run.py").read_text(encoding="utf-8")
    (names,) = re.findall(r"^NAMES = \((.*?)\)$", driver, re.M | re.S)
    # What can be compared has a function `run`; beside it lie helpers and the fitting of the cost model.
    paths = (ROOT / "benchmarks").glob("*.py")
    found = {path.stem for path in paths if "\ndef run(seed: int)" in path.read_text(encoding="utf-8")}
    assert set(re.findall(r'"(\w+)"', names)) == found
