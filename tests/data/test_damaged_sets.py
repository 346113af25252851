"""Damage that a reader of Python, numpy or Pillow meets deep inside is told like any other."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.data.test_official_sets import har_archive, sign_archives, spoken_files

from lilliput.data import load
from lilliput.errors import DataError


def in_directory(path: Path, signature: bytes, offset: int, value: int) -> None:
    """Changes one byte of the first record of an archive that has this signature."""
    content = bytearray(path.read_bytes())
    content[content.index(signature) + offset] = value
    path.write_bytes(content)


def deflated(path: Path) -> int:
    """Packs an archive's files; returns where the bytes of the first one begin."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        first = archive.infolist()[0]
    return first.header_offset + 30 + len(first.filename.encode())


def test_bytes_that_cannot_be_unpacked_are_told(tmp_path: Path) -> None:
    har_archive(tmp_path / "h.zip")
    begin = deflated(tmp_path / "h.zip")
    content = bytearray((tmp_path / "h.zip").read_bytes())
    content[begin] = 0xFF  # a block of a kind that does not exist
    (tmp_path / "h.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"activity_labels\.txt cannot be read") as caught:
        load("uci-har", path=tmp_path / "h.zip")
    assert "invalid block type" in str(caught.value)


def test_an_archive_of_a_later_version_is_told(tmp_path: Path) -> None:
    har_archive(tmp_path / "h.zip")
    in_directory(tmp_path / "h.zip", b"PK\1\2", 6, 167)
    with pytest.raises(DataError, match="not a readable archive") as caught:
        load("uci-har", path=tmp_path / "h.zip")
    assert "16.7" in str(caught.value)


@pytest.mark.parametrize("content", ["1\nnan\n", "1\n1e300\n", "1\n1.5\n"])
def test_classes_and_subjects_are_whole_numbers(tmp_path: Path, content: str) -> None:
    har_archive(tmp_path / "h.zip", damaged="train/subject_train.txt", content=content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"subject_train\.txt is damaged") as caught:
            load("uci-har", path=tmp_path / "h.zip")
    assert "line 2" in str(caught.value)


def test_a_table_of_empty_lines_is_told(tmp_path: Path) -> None:
    har_archive(tmp_path / "h.zip", damaged="test/y_test.txt", content="\n\n")
    with pytest.raises(DataError, match=r"y_test\.txt is no table"):
        load("uci-har", path=tmp_path / "h.zip")


def test_a_row_of_signs_that_is_cut_off_is_told(tmp_path: Path) -> None:
    sign_archives(tmp_path)
    with zipfile.ZipFile(tmp_path / "GTSRB_Final_Test_GT.zip", "w") as archive:
        archive.writestr("GT-final_test.csv", "Filename;Width;ClassId\n00000.ppm;40;0\n00001.ppm;4")
    with pytest.raises(DataError, match=r"GT-final_test\.csv is cut off") as caught:
        load("gtsrb", path=tmp_path)
    assert "row 2 has no ClassId" in str(caught.value)


def test_digits_of_other_scripts_are_no_classes(tmp_path: Path) -> None:
    sign_archives(tmp_path)
    with zipfile.ZipFile(tmp_path / "GTSRB_Final_Test_GT.zip", "w") as archive:
        archive.writestr("GT-final_test.csv", "Filename;ClassId\n00000.ppm;\u00b2\n")
    with pytest.raises(DataError, match=r"00000\.ppm has class"):
        load("gtsrb", path=tmp_path)


def test_no_spoken_digits_are_told(tmp_path: Path) -> None:
    spoken_files(tmp_path)
    np.save(tmp_path / "data_sp_train.npy", np.zeros((0, 39, 13)))
    with pytest.raises(DataError, match=r"data_sp_train\.npy: there are no examples"):
        load("spoken-mnist", path=tmp_path)


def test_the_header_of_an_array_that_never_ends_is_told(tmp_path: Path) -> None:
    spoken_files(tmp_path)
    file = tmp_path / "labels_train.npy"
    file.write_bytes(file.read_bytes().replace(b"}", b"(", 1))
    with pytest.raises(DataError, match=r"labels_train\.npy: not a readable \.npy file"):
        load("spoken-mnist", path=tmp_path)


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    spoken_files(tmp_path)
    with (tmp_path / "labels_train.npy").open("wb") as stream:
        np.savez(stream, labels=np.zeros(3))
    with pytest.raises(DataError, match=r"labels_train\.npy: not a readable \.npy file"):
        load("spoken-mnist", path=tmp_path)


@pytest.mark.parametrize("value", [1e300, np.nan])
def test_numbers_that_no_float32_holds_are_told_without_a_warning(tmp_path: Path, value: float) -> None:
    spoken_files(tmp_path)
    x = np.load(tmp_path / "data_sp_train.npy")
    x[3, 4] = value
    if np.isnan(value):
        x.view(np.uint64)[3, 4] = 0x7FF0_0000_0000_0001  # a signalling one, which numpy warns of
    np.save(tmp_path / "data_sp_train.npy", x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="example 3 holds NaN"):
            load("spoken-mnist", path=tmp_path)


@pytest.mark.parametrize("label", [-1e300, 2.0**63])
def test_labels_beyond_integers_are_told_without_a_warning(tmp_path: Path, label: float) -> None:
    spoken_files(tmp_path)
    np.save(tmp_path / "labels_train.npy", np.array([0.0] * 39 + [label]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"is (negative|too large)"):
            load("spoken-mnist", path=tmp_path)


def test_a_folder_without_the_spoken_digits_hears_which_files_it_lacks(tmp_path: Path) -> None:
    spoken_files(tmp_path)
    with pytest.raises(DataError, match=r"data_sp_test\.npy is a file") as caught:
        load("spoken-mnist", path=tmp_path / "data_sp_test.npy")
    names = ("data_sp_train.npy", "labels_train.npy", "data_sp_test.npy", "labels_test.npy")
    assert all(name in caught.value.hint for name in names)
    (tmp_path / "labels_test.npy").unlink()
    (tmp_path / "data_sp_test.npy").unlink()
    with pytest.raises(DataError, match=r"lacks data_sp_test\.npy, labels_test\.npy\n") as caught:
        load("spoken-mnist", path=tmp_path)
    assert all(name in caught.value.hint for name in names)
