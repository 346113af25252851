"""The user's own data: images by class, NPZ, CSV, and functions; each mistake has its error."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lilliput.data import load
from lilliput.errors import DataError
from lilliput.net import DType

RNG = np.random.default_rng(0)


def write_images(folder: Path, count: int = 6, size: tuple[int, int] = (6, 4), mode: str = "L") -> None:
    for value, label in enumerate(("cat", "dog")):
        (folder / label).mkdir(parents=True)
        for index in range(count):
            Image.new(mode, size, 40 * value if mode == "L" else (40 * value, 0, 0)).save(
                folder / label / f"{index}.png"
            )


def test_sixteen_bits_a_pixel_become_eight(tmp_path: Path) -> None:
    values = RNG.integers(0, 256, (4, 6)).astype(np.uint8)
    for label, step in (("a", 1), ("b", 257)):
        (tmp_path / label).mkdir()
        for index in range(4):
            Image.fromarray(values.astype(np.uint16) * 257 if step > 1 else values).save(
                tmp_path / label / f"{index}.png"
            )
    found = load("images", path=tmp_path, test_share=0.25)
    assert all(np.array_equal(image[..., 0], values) for image in found.train.x)
    Image.fromarray(np.full((4, 6), 0.5, np.float32)).save(tmp_path / "a" / "real.tiff")
    with pytest.raises(DataError, match=r"real\.tiff: pixels are no whole numbers of at most 16 bits"):
        load("images", path=tmp_path)


def test_mistakes_in_arguments_are_told(tmp_path: Path) -> None:
    write_images(tmp_path)
    with pytest.raises(DataError, match="color is 'purple'"):
        load("images", path=tmp_path, color="purple")
    for size in ([0, 3], [4], [-1, 2]):
        with pytest.raises(DataError, match="size is"):
            load("digits", size=size)
    np.savez(tmp_path / "twice.npz", **arrays(), labels=np.array(["a", "b", "a"]))
    with pytest.raises(DataError, match="two 'labels' are the same"):
        load("npz", path=tmp_path / "twice.npz")


def arrays(count: int = 30) -> dict[str, np.ndarray]:
    return {"x": RNG.normal(size=(count, 4, 3, 2)).astype(np.float32), "y": np.arange(count) % 3}


def test_a_folder_a_class_becomes_gray_bytes(tmp_path: Path) -> None:
    write_images(tmp_path)
    found = load("images", path=tmp_path)
    assert found.labels == ("cat", "dog")
    assert found.input_shape == (4, 6, 1)
    assert found.train.x.dtype == np.uint8
    assert np.array_equal(found.train.x[:, 0, 0, 0], 40 * found.train.y)


def test_split_folders_are_kept_and_colour_is_recognised(tmp_path: Path) -> None:
    write_images(tmp_path / "train", 7, mode="RGB")
    write_images(tmp_path / "test", 3, mode="RGB")
    found = load(str(tmp_path))
    assert found.input_shape == (4, 6, 3)
    assert len(found.test) == 6
    assert len(found.train) + len(found.validation) == 14
    assert load("images", path=tmp_path, color="gray").input_shape == (4, 6, 1)


def test_mixed_sizes_are_refused_unless_a_size_is_set(tmp_path: Path) -> None:
    write_images(tmp_path)
    Image.new("L", (9, 9)).save(tmp_path / "dog" / "big.png")
    with pytest.raises(DataError, match=r"big\.png: the image is 9 x 9"):
        load("images", path=tmp_path)
    assert load("images", path=tmp_path, size=(8, 8)).input_shape == (8, 8, 1)


def test_empty_classes_broken_images_and_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load("images", path=tmp_path / "nowhere")
    with pytest.raises(DataError, match="needs a path"):
        load("images")
    write_images(tmp_path)
    (tmp_path / "emu").mkdir()
    with pytest.raises(DataError, match="class 'emu' has no image"):
        load("images", path=tmp_path)
    (tmp_path / "emu" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n rubbish")
    with pytest.raises(DataError, match=r"broken\.png: not a readable image"):
        load("images", path=tmp_path)


def test_a_test_folder_without_train_and_with_strangers_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "test")
    with pytest.raises(DataError, match="no train folder"):
        load("images", path=tmp_path)
    write_images(tmp_path / "train")
    (tmp_path / "test" / "emu").mkdir()
    with pytest.raises(DataError, match="lacks"):
        load("images", path=tmp_path)


def test_npz_keeps_given_splits_and_normalizes_by_the_last_axis(tmp_path: Path) -> None:
    found = arrays()
    np.savez(
        tmp_path / "d.npz",
        x_train=found["x"],
        y_train=found["y"],
        x_test=found["x"][:6],
        y_test=found["y"][:6],
        labels=np.array(["a", "b", "c"]),
    )
    loaded = load(str(tmp_path / "d.npz"))
    assert loaded.labels == ("a", "b", "c")
    assert loaded.normalization.raw is DType.FLOAT32
    assert len(loaded.normalization.mean) == 2
    assert np.array_equal(loaded.test.x, found["x"][:6])


def test_given_splits_need_no_names_of_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of docs/getting-started.md, from a file and from a function."""
    x, y = arrays().values()
    given = {"x_train": x, "y_train": y, "x_test": x[:7], "y_test": y[:7], "x_validation": x[:2]}
    given["y_validation"] = y[:2]
    np.savez(tmp_path / "d.npz", **given)
    (tmp_path / "giving.py").write_text("import numpy\ndef arrays(): return dict(numpy.load('d.npz'))\n")
    monkeypatch.chdir(tmp_path)
    for found in (load("d.npz"), load("giving:arrays")):
        assert found.labels == ("0", "1", "2")
        assert [len(split) for split in (found.train, found.validation, found.test)] == [30, 2, 7]
    np.savez(tmp_path / "d.npz", **given | {"y_test": y[:7] + 1})
    with pytest.raises(DataError, match=r"y_test: labels do not fit\n.*indices 0 … 2"):
        load("d.npz")


def test_npz_takes_names_as_labels_and_another_shape(tmp_path: Path) -> None:
    x = RNG.integers(0, 255, (20, 24), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", x=x, y=np.array(["left", "right"] * 10))
    assert load("npz", path=tmp_path / "d.npz").input_shape == (1, 1, 24)
    found = load("npz", path=tmp_path / "d.npz", shape=(1, 12, 2))
    assert found.labels == ("left", "right")
    assert found.input_shape == (1, 12, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.full((30, 2), np.nan, np.float32)}, "example 0 holds NaN"),
        ({"x": np.full((30, 2), 1e300)}, "too large"),
        ({"x": np.zeros((30, 2, 2, 2, 2), np.float32)}, "have the shape"),
        ({"x": np.zeros((30, 0), np.float32)}, "no examples"),
        ({"x": np.zeros((29, 2), np.float32)}, "do not belong together"),
        ({"x": np.array(["a"] * 30)}, "not numbers"),
        ({"y": np.arange(30) % 3 * 2}, "class 1 has no example"),
        ({"y": np.arange(30) % 3 - 1}, "negative"),
        ({"y": np.full(30, 0.5)}, "not whole numbers"),
        ({"y": np.full(30, np.nan)}, "not whole numbers"),
        ({"y": np.zeros(30, int)}, "only one class"),
        ({"labels": np.array(["a", "b"])}, "out of range"),
        ({"labels": np.array([1, 2, 3])}, "not a list of names"),
        ({"z": np.zeros(3)}, "not named as expected"),
        ({"x_test": np.zeros((3, 4, 3, 2), np.float32)}, "not named as expected"),
    ],
)
def test_npz_mistakes_are_named(tmp_path: Path, change: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "d.npz", **{**arrays(), **change})
    with pytest.raises(DataError, match=message) as caught:
        load("npz", path=tmp_path / "d.npz")
    assert "d.npz" in str(caught.value)


def test_npz_with_objects_lies_or_rubbish_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=np.array([{}], dtype=object), y=np.zeros(1, int))
    with pytest.raises(DataError, match="Python objects"):
        load("npz", path=path)
    path.write_bytes(b"PK rubbish")
    with pytest.raises(DataError, match="not a readable NPZ"):
        load("npz", path=path)
    header = b"\x93NUMPY\x01\x00v\x00" + (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }".ljust(117) + b"\n"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header)
    with pytest.raises(DataError, match="claims"):
        load("npz", path=path)
    with pytest.raises(DataError, match="does not exist"):
        load("npz", path=tmp_path / "none.npz")


def test_csv_normalizes_feature_by_feature(tmp_path: Path) -> None:
    lines = ["width,height,kind"] + [f"{i % 7},{100 + i % 5},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    found = load(str(tmp_path / "d.csv"))
    assert found.labels == ("a", "b")
    assert found.input_shape == (1, 1, 2)
    assert found.normalization.mean[1] == pytest.approx(float(found.train.x[..., 1].mean()))
    by_name = load("csv", path=tmp_path / "d.csv", label="kind")
    assert np.array_equal(by_name.test.x, found.test.x)


def test_csv_without_header_sorts_numeric_labels_by_value(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("\n".join(f"{(9, 10, 100)[i % 3]};{i};3" for i in range(30)))
    found = load("csv", path=tmp_path / "d.csv", label=0)
    assert found.labels == ("9", "10", "100")
    assert len(found.train) + len(found.validation) + len(found.test) == 30
    assert found.normalization.std[1] == 1.0


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("", -1, "no columns"),
        ("a,b\n", -1, "no examples"),
        ("1,2,a\n1,b\n", -1, "line 2 has 2 columns"),
        ("1,2,a\n1,x,b\n", -1, "line 2 holds what is not a number"),
        ("1,2,a\n1,nan,b\n", -1, "line 2 holds 'nan'"),
        ("1,2,a\n1,1e999,b\n", -1, "line 2 holds '1e999'"),
        ("1,2,a\n1,2,\n", -1, "line 2 has no label"),
        ("1,2,a\n", 7, "no column 7"),
        ("w,h,k\n1,2,a\n", "kind", "no column 'kind'"),
        ("1,2,a\n1,2,a\n1,2,a\n", -1, "only one class"),
    ],
)
def test_csv_mistakes_are_named(tmp_path: Path, text: str, label: str | int, message: str) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load("csv", path=tmp_path / "d.csv", label=label)
    assert "d.csv" in str(caught.value)


def test_a_function_of_a_module_in_this_folder_gives_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_arrays.py").write_text(
        "import numpy as np\n"
        "def make(count):\n"
        "    return {'x': np.zeros((count, 3), np.float32), 'y': np.arange(count) % 2}\n"
        "def bad(**options):\n"
        "    return 3\n"
        "def fails(**options):\n"
        "    raise ValueError('sensor gone')\n"
    )
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    found = load("own_arrays:make", options={"count": 40})
    assert len(found.train) + len(found.validation) + len(found.test) == 40
    assert sys.path == before
    with pytest.raises(DataError, match="returned int"):
        load("own_arrays:bad")
    with pytest.raises(DataError, match="failed") as caught:
        load("own_arrays:fails")
    assert "sensor gone" in caught.value.why
    with pytest.raises(DataError, match="was not found"):
        load("own_arrays:nothing")
    with pytest.raises(DataError, match="was not found"):
        load("no_such_module:make")
