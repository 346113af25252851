"""A damaged study, a full disk and a wrong address each say what happened and what to do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from tests.search import cheap

from lilliput.errors import LilliputError, StorageError, StudyError
from lilliput.results import Trial
from lilliput.search.book import Book
from lilliput.search.cnn import CnnSpace
from lilliput.search.database import Database
from lilliput.search.study import open_study

OBJECTIVES = cheap.settings().objectives


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The database of a small study."""
    folder = tmp_path_factory.mktemp("finished")
    cheap.run(folder, cheap.settings(trials=6))
    return (folder / "study.db").read_bytes()


def opened(folder: Path) -> None:
    with open_study(folder, CnnSpace(), cheap.settings(trials=6), resume=True) as study:
        study.run(cheap.callbacks())


def execute(file: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute(statement).rowcount
        database.commit()


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "text": lambda old: b"this is no database at all" * 100,
    "cut off in the middle": lambda old: old[: len(old) // 2],
    "pages overwritten": lambda old: old[:8192] + b"\xa5" * 16384 + old[24576:],
    "header overwritten": lambda old: b"\x00" * 100 + old[100:],
}


@pytest.mark.parametrize("damage", BYTES)
def test_a_damaged_file_is_reported(tmp_path: Path, finished: bytes, damage: str) -> None:
    (tmp_path / "study.db").write_bytes(BYTES[damage](finished))
    with pytest.raises(StudyError, match="damaged or not Lilliput's") as caught:
        opened(tmp_path)
    assert "study.db" in caught.value.what
    assert caught.value.why
    assert "restore it from a copy" in caught.value.hint


STATEMENTS = {
    "a table is missing": "DROP TABLE trial_values",
    "the study's description is gone": "DELETE FROM study_user_attributes",
    "the study's description is a list": "UPDATE study_user_attributes SET value_json = '[]'",
    "an attribute is no JSON": "UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'architecture'",
    "an architecture is gone": "DELETE FROM trial_user_attributes WHERE key = 'architecture'",
    "a trial is empty": "UPDATE trial_user_attributes SET value_json = '{}' WHERE key = 'architecture'",
    "a number is a word": "UPDATE trial_user_attributes SET value_json = '\"one\"' WHERE key = 'proposal'",
    "a number is negative": "UPDATE trial_user_attributes SET value_json = '-1' WHERE key = 'proposal'",
    "numbers repeat": "UPDATE trial_user_attributes SET value_json = '0' WHERE key = 'proposal'",
    "a seed is gone": "UPDATE trial_user_attributes SET value_json = '{}' WHERE key = 'info'",
    "a sparsity is a word": "UPDATE trial_user_attributes SET value_json = '\"much\"' WHERE key = 'sparsity'",
    "a value is gone": "DELETE FROM trial_values WHERE objective = 2",
    "a state is unknown": "UPDATE trials SET state = 'DREAMING'",
}


@pytest.mark.parametrize("damage", STATEMENTS)
def test_damaged_contents_are_reported(tmp_path: Path, finished: bytes, damage: str) -> None:
    (tmp_path / "study.db").write_bytes(finished)
    execute(tmp_path / "study.db", STATEMENTS[damage])
    with pytest.raises(StudyError) as caught:
        opened(tmp_path)
    assert caught.value.hint


def test_another_programs_optuna_study_is_left_alone(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path}/study.db"
    theirs = optuna.create_study(study_name="lilliput", storage=url)
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(StudyError, match="damaged or not Lilliput's"):
        opened(tmp_path)
    assert len(optuna.load_study(study_name="lilliput", storage=url).trials) == 1


def test_a_study_of_another_optuna_version_is_reported(tmp_path: Path, finished: bytes) -> None:
    (tmp_path / "study.db").write_bytes(finished)
    execute(tmp_path / "study.db", "UPDATE version_info SET schema_version = 99")
    execute(tmp_path / "study.db", "UPDATE alembic_version SET version_num = 'v99.0.0.a'")
    with pytest.raises(StudyError, match="another version of Optuna"):
        opened(tmp_path)


def test_an_empty_file_becomes_a_study(tmp_path: Path) -> None:
    (tmp_path / "study.db").touch()
    opened(tmp_path)


def test_a_full_disk_ends_the_search_and_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    wanted = cheap.settings(trials=40)
    with open_study(tmp_path, CnnSpace(), wanted) as study:

        def limit(connection: sqlite3.Connection, record: object) -> None:
            # SQLite's own way to have no more room.
            connection.execute("PRAGMA max_page_count = 50")

        sqlalchemy.event.listen(study._book.engine, "connect", limit)
        study._book.engine.dispose()
        with pytest.raises(StorageError, match=r"full(.|\n)*make room") as caught:
            study.run(cheap.callbacks())
        finished = study.trials
    assert caught.value.exit_status == 1
    assert finished
    after = cheap.run(tmp_path, wanted)
    assert cheap.outcome(after)[: len(finished)] == cheap.outcome(finished)
    assert len(after) == 40


FULL = """
import resource, signal, sys
from pathlib import Path
from lilliput.errors import LilliputError
from tests.search import cheap

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (160_000, 160_000))
try:
    cheap.run(Path(sys.argv[1]))
except LilliputError as error:
    print(type(error).__name__)
"""


def test_a_file_that_cannot_grow_is_a_storage_error(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["StorageError"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError), open_study(tmp_path / "run", CnnSpace(), cheap.settings()):
        pass


def test_a_folder_below_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError), open_study(tmp_path / "file" / "run", CnnSpace(), cheap.settings()):
        pass


def test_a_database_that_is_a_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "study.db").mkdir()
    with pytest.raises(StorageError):
        opened(tmp_path)


@pytest.mark.parametrize("url", ["no url", "sqlite+unknown:///x", "nothing://host/name"])
def test_a_url_that_leads_nowhere_is_reported(url: str) -> None:
    with pytest.raises(LilliputError) as caught:
        Database(url)
    assert caught.value.hint


def test_a_password_is_not_shown() -> None:
    with pytest.raises(LilliputError) as caught:
        Database("nothing://user:secret@host/name")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["with space", "per%cent", "br{ace}", "ümläut", "quo'te", "ha#sh"])
def test_a_study_lives_under_any_name(tmp_path: Path, name: str) -> None:
    book = Book(tmp_path / name / "study.db", OBJECTIVES)
    book.start({"made": "up"})
    book.begin(Trial(0, "running", {}, {}, {"seed": 1, "predicted": {}}))
    book.close()
    assert (tmp_path / name / "study.db").exists()
    again = Book(tmp_path / name / "study.db", OBJECTIVES)
    assert again.about() == {"made": "up"}
    again.close()


def test_a_url_is_used_instead_of_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    for _ in range(2):
        with open_study(tmp_path / "run", CnnSpace(), cheap.settings(trials=3), storage=url) as study:
            study.run(cheap.callbacks())
            assert len(study.trials) == 3
    assert not (tmp_path / "run" / "study.db").exists()


def test_optuna_stays_silent_and_keeps_its_verbosity(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    cheap.run(tmp_path, cheap.settings(trials=2))
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
