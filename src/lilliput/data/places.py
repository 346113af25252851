"""Where data sets lie on this machine, and how they get there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lilliput.errors import DataError


@dataclass(frozen=True)
class Source:
    """A file of a data set on the network.

    Attributes:
        file: its name here.
        address: where it is.
        digest: "sha256:…" or "md5:…"; None where nobody has published one, and the file is taken as it comes.
    """

    file: str
    address: str
    digest: str | None


def folders(name: str) -> Iterator[Path]:
    """Folders that may hold a data set: `$LILLIPUT_DATA/NAME`, `$LILLIPUT_DATA`, /usr/share/datasets/NAME."""
    own = os.environ.get("LILLIPUT_DATA")
    if own:
        yield Path(own).expanduser() / name
        yield Path(own).expanduser()
    yield Path("/usr/share/datasets") / name


def local(name: str, patterns: tuple[str, ...]) -> Path | None:
    """The first file or folder with one of these names where the set may lie, None if there is none."""
    for folder in folders(name):
        for pattern in patterns:
            for found in sorted(folder.glob(pattern)):
                return found
    return None


def given(name: str, path: str | Path) -> Path:
    """A path that the user gave.

    Raises:
        DataError: there is nothing.
    """
    found = Path(path).expanduser()
    if not found.exists():
        raise DataError(f"data set '{name}': there is no {found}", "", "check 'path' under [data]")
    return found


def download(name: str, source: Source, hint: str) -> Path:
    """A file of a data set from the network, checked, kept in the user's cache.

    Args:
        name: of the data set.
        source: what to get.
        hint: what the user can do instead.

    Raises:
        DataError: there is no network, or what came is not what was expected.
    """
    import pooch  # late: slow to import, and most runs find a local copy

    cache = Path(pooch.os_cache("lilliput")) / name
    pooch.get_logger().setLevel("WARNING")
    try:
        found = pooch.retrieve(source.address, known_hash=source.digest, fname=source.file, path=cache)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
        raise DataError(
            f"data set '{name}' is not on this machine and could not be downloaded",
            f"{type(error).__name__} for {source.address}",
            hint,
        ) from error
    return Path(found)
