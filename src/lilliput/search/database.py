"""Optuna's storage, with errors that say what to do.

Databases report a full disk, a damaged file or a forgotten driver by a few dozen exceptions of three
libraries.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from lilliput.errors import LilliputError, StorageError, StudyError

_WAIT_SECONDS = 60
"""How long SQLite waits for a reader such as the dashboard to let go."""

_UNWRITABLE = (
    "disk is full",
    "disk i/o error",
    "no space left",
    "file too large",
    "readonly",
    "read-only",
    "unable to open",
    "permission denied",
    "is a directory",
    "not a directory",
    "could not connect",
    "connection refused",
    "server closed the connection",
)
"""What databases and systems say if it is not the contents that are wrong."""


class Database:
    """An open storage.

    Args:
        location: path of an SQLite file, or the URL of another database.

    Raises:
        StudyError: the file is damaged, is no database, or was written by another version.
        StorageError: it cannot be opened or written.
    """

    def __init__(self, location: Path | str) -> None:
        self._location = location
        self._storage: RDBStorage | None = None
        with self._explanations(), _quiet():
            if isinstance(location, Path):
                _check_file(location)
            self._storage = RDBStorage(_url(location), engine_kwargs=_engine_options(location))

    @property
    def engine(self) -> sqlalchemy.Engine:
        """The connection."""
        assert self._storage is not None
        return self._storage.engine

    @contextlib.contextmanager
    def explained(self) -> Iterator[RDBStorage]:
        """The storage; what it raises in the block becomes a StudyError or a StorageError."""
        assert self._storage is not None
        with self._explanations(), _quiet():
            yield self._storage

    def damaged(self, why: str) -> StudyError:
        """The error for contents that Lilliput cannot have written."""
        return StudyError(
            f"the study in {_shown(self._location)} is damaged or not Lilliput's",
            why,
            "restore it from a copy, or start a new study in another folder",
        )

    def close(self) -> None:
        """Lets go of the database."""
        if self._storage is not None:
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                self._storage.remove_session()
                self._storage.engine.dispose()

    @contextlib.contextmanager
    def _explanations(self) -> Iterator[None]:
        try:
            yield
        except LilliputError:
            raise
        # Damaged contents surface as nearly anything while Optuna turns rows into trials.
        except Exception as error:
            raise self._explanation(error) from error

    def _explanation(self, error: Exception) -> LilliputError:
        why = str(_root(error)) or type(error).__name__
        where, lowered = _shown(self._location), why.lower()
        if "locked" in lowered:
            return StudyError(
                f"{where} is in use", why, "close the program that writes to it, then resume the study"
            )
        if any(words in lowered for words in _UNWRITABLE):
            return StorageError(
                f"cannot write the study to {where}",
                why,
                "make room or allow writing there, then resume: what was finished is in the study",
            )
        if isinstance(error, ImportError):
            return StudyError(f"{where} cannot be opened", why, "install the driver of that database")
        if isinstance(error, sqlalchemy.exc.ArgumentError):
            return StudyError(
                f"'{where}' is no database", why, "give a URL such as postgresql://user@host/name"
            )
        if "no longer compatible" in lowered or "storage upgrade" in lowered:
            return StudyError(
                f"{where} was written by another version of Optuna", why, "upgrade one of the two"
            )
        return self.damaged(why)


def _root(error: BaseException) -> BaseException:
    """What began a chain of exceptions: SQLAlchemy's own text repeats the whole statement."""
    while True:
        inner = getattr(error, "orig", None) or error.__cause__
        if not isinstance(inner, BaseException):
            return error
        error = inner


def _check_file(path: Path) -> None:
    """Reads the whole SQLite file, if there is one: damage shows now and not in the middle of a search."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as database:
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"SQLite finds it malformed: {found}")


def _url(location: Path | str) -> str:
    if isinstance(location, str):
        return location
    url = sqlalchemy.URL.create("sqlite", database=str(location.resolve()))
    # Optuna formats the URL as a template.
    return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")


def _engine_options(location: Path | str) -> dict[str, Any]:
    if isinstance(location, Path):
        return {"connect_args": {"timeout": _WAIT_SECONDS}}
    return {"pool_pre_ping": True}


def _shown(location: Path | str) -> str:
    """The location, without the password of a URL."""
    if isinstance(location, Path):
        return str(location)
    with contextlib.suppress(sqlalchemy.exc.ArgumentError):
        return sqlalchemy.engine.make_url(location).render_as_string(hide_password=True)
    return location


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What Optuna tells at level INFO, the search's own progress tells better."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
