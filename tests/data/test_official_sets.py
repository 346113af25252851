"""Loaders of published data sets, on tiny archives in the official formats."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lilliput.data import Dataset, load, places
from lilliput.data.activities import HAR_CHANNELS
from lilliput.data.recordings import by_subjects, windows
from lilliput.data.stored_objects import objects_in
from lilliput.errors import DataError

RNG = np.random.default_rng(0)


def text(table: np.ndarray) -> str:
    return "\n".join(" ".join(f"{value: .7e}" for value in row) for row in table) + "\n"


def har_archive(path: Path, nested: bool = False, damaged: str = "", content: str = "1 2\n3\n") -> np.ndarray:
    """UCI-HAR with 3 subjects in training; returns the training windows (18, 128, 9)."""
    files = {"activity_labels.txt": "".join(f"{i + 1} ACT_{i}\n" for i in range(6))}
    x = RNG.normal(size=(18, 128, 9)).astype(np.float32)
    for part, count in (("train", 18), ("test", 6)):
        for channel, name in enumerate(HAR_CHANNELS):
            files[f"{part}/Inertial Signals/{name}_{part}.txt"] = text(x[:count, :, channel])
        files[f"{part}/y_{part}.txt"] = "\n".join(str(i % 6 + 1) for i in range(count))
        files[f"{part}/subject_{part}.txt"] = "\n".join(str(i // 6 + 1) for i in range(count))
    if damaged:
        files[damaged] = content
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"UCI HAR Dataset/{name}", content)
    if nested:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("UCI HAR Dataset.zip", inner.getvalue())
            archive.writestr("UCI HAR Dataset.names", "")
    else:
        path.write_bytes(inner.getvalue())
    return x


@pytest.mark.parametrize("nested", [False, True])
def test_uci_har_keeps_subjects_apart(tmp_path: Path, nested: bool) -> None:
    x = har_archive(tmp_path / "UCI HAR Dataset.zip", nested)
    found = load("uci-har", path=tmp_path / "UCI HAR Dataset.zip", validation_share=0.2)
    assert found.input_shape == (1, 128, 9)
    assert found.labels == tuple(f"act {i}" for i in range(6))
    assert (len(found.train), len(found.validation), len(found.test)) == (12, 6, 6)
    places_in_all = [
        int(np.argmax([np.array_equal(one[0], each) for each in x])) for one in found.validation.x
    ]
    assert len({place // 6 for place in places_in_all}) == 1
    assert np.allclose(found.normalization.mean, found.train.x.mean(axis=(0, 1, 2)), atol=1e-6)
    assert len(found.normalization.std) == 9


def test_uci_har_is_found_where_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    har_archive(tmp_path / "UCI HAR Dataset.zip")
    monkeypatch.setenv("LILLIPUT_DATA", str(tmp_path))
    assert len(load("uci-har").test) == 6
    with zipfile.ZipFile(tmp_path / "UCI HAR Dataset.zip") as archive:
        archive.extractall(tmp_path / "uci-har")
    assert len(load("uci-har", path=tmp_path / "uci-har" / "UCI HAR Dataset").test) == 6


@pytest.mark.parametrize(
    ("damaged", "message"),
    [("train/y_train.txt", "no table"), ("train/Inertial Signals/body_acc_x_train.txt", "no table")],
)
def test_a_damaged_har_archive_is_named(tmp_path: Path, damaged: str, message: str) -> None:
    har_archive(tmp_path / "h.zip", damaged=damaged)
    with pytest.raises(DataError, match=message) as caught:
        load("uci-har", path=tmp_path / "h.zip")
    assert Path(damaged).name in str(caught.value)


@pytest.mark.parametrize("label", [0, 7, -1])
def test_a_damaged_label_of_the_har_test_split_is_refused(tmp_path: Path, label: int) -> None:
    har_archive(tmp_path / "h.zip", damaged="test/y_test.txt", content=f"1\n2\n3\n{label}\n5\n6\n")
    with pytest.raises(DataError, match="test: labels do not fit"):
        load("uci-har", path=tmp_path / "h.zip")


def stored(value: object) -> bytes:
    """What numpy.save wrote of an object when seglearn's file was made: version 1.0, second protocol."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"
    holder = np.empty((), dtype=object)
    holder[()] = value
    return b"\x93NUMPY\x01\x00v\x00" + header + pickle.dumps(holder, protocol=2)


def watch() -> dict[str, object]:
    count = 28
    return {
        "X": [RNG.normal(size=(200 + 3 * i, 6)) for i in range(count)],
        "y": np.arange(count) % 7,
        "subject": np.arange(count) // 7 + 1,
        "y_labels": ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"],
        "X_labels": ["ax", "ay", "az", "wx", "wy", "wz"],
        "side": np.ones(count),
    }


def test_watch_activity_reads_seglearns_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = watch()
    with zipfile.ZipFile(tmp_path / "seglearn-9-py3-none-any.whl", "w") as archive:
        archive.writestr("seglearn/data/watch_dataset.npy", stored(data))
    monkeypatch.setenv("LILLIPUT_DATA", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = load("watch-activity")
    assert found.input_shape == (1, 128, 6)
    assert found.labels[:2] == ("pen", "abd")
    counts = {name: len(found.split(name)) for name in ("train", "validation", "test")}
    assert sum(counts.values()) == sum((200 + 3 * i - 128) // 64 + 1 for i in range(28))
    # One of the four subjects is held out for the end, another one to choose by.
    per_subject = [sum((200 + 3 * i - 128) // 64 + 1 for i in range(7 * s, 7 * s + 7)) for s in range(4)]
    assert counts["test"] in per_subject
    assert counts["validation"] in per_subject
    short = load("watch-activity", options={"window": 50, "step": 50})
    assert short.input_shape == (1, 50, 6)
    series = data["X"]
    assert isinstance(series, list)
    assert any(np.array_equal(short.train.x[0, 0], each[:50].astype(np.float32)) for each in series)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (stored({"X": [1], "y": np.zeros(1), "subject": np.zeros(1)}), "not the recordings"),
        (stored({"X": Path("a")}), "not an object file"),
        (b"rubbish", "not an object file"),
        (stored(watch())[:-40], "not an object file"),
    ],
)
def test_recordings_that_are_damaged_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "watch_dataset.npy").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load("watch-activity", path=tmp_path / "watch_dataset.npy")
    assert "watch_dataset.npy" in str(caught.value)


@pytest.mark.parametrize("options", [{"windows": 3}, {"window": 0}, {"step": "a"}, {"step": True}])
def test_options_of_windows_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(DataError, match="option"):
        load("watch-activity", options=options)


class _Runs:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("code of the file ran",)


def test_objects_are_read_without_running_what_they_name(capsys: pytest.CaptureFixture[str]) -> None:
    inner = np.arange(6.0).reshape(2, 3)
    found = objects_in(stored({"a": [1, 2.5, "text", None, True], "b": np.asfortranarray(inner)}), "test")
    assert found["a"] == [1, 2.5, "text", None, True]
    assert np.array_equal(found["b"], inner)
    with pytest.raises(DataError, match="KeyError"):
        objects_in(stored({"a": _Runs()}), "test")
    assert capsys.readouterr().out == ""


def ts_file(count: int, labels: str = "Standing Running Walking Badminton", channels: int = 6) -> str:
    lines = ["#remark", "@problemName BasicMotions", f"@classLabel true {labels}", "@data"]
    words = ["Standing", "Running", "Walking", "Badminton"]
    for index in range(count):
        rows = [",".join(f"{index + channel / 10 + t:g}" for t in range(100)) for channel in range(channels)]
        lines.append(":".join([*rows, words[index % 4]]))
    return "\n".join(lines)


def test_basic_motions_reads_the_files_of_the_archive(tmp_path: Path) -> None:
    for part, count in (("TRAIN", 20), ("TEST", 8)):
        (tmp_path / f"BasicMotions_{part}.ts").write_text(ts_file(count))
    found = load("basic-motions", path=tmp_path)
    assert found.input_shape == (1, 100, 6)
    assert found.labels == ("standing", "running", "walking", "badminton")
    assert (len(found.train) + len(found.validation), len(found.test)) == (20, 8)
    assert found.test.x[1, 0, 2] == pytest.approx([3 + channel / 10 for channel in range(6)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ts_file(4).replace("Running\n", "Flying\n"), "Flying is not declared"),
        ("@data\n1,2:3:Standing\n", "different length"),
        ("@data\n1,a:3,4:Standing\n", "damaged"),
        ("", "no series"),
    ],
)
def test_damaged_time_series_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "BasicMotions_TRAIN.ts").write_text(content)
    (tmp_path / "BasicMotions_TEST.ts").write_text(ts_file(4))
    with pytest.raises(DataError, match=message):
        load("basic-motions", path=tmp_path)


def spoken_files(folder: Path) -> None:
    for part, count in (("train", 40), ("test", 10)):
        np.save(folder / f"data_sp_{part}.npy", RNG.normal(size=(count, 507)))
        np.save(folder / f"labels_{part}.npy", np.arange(count) % 10)


def test_spoken_mnist_becomes_39_frames_of_13(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken_files(tmp_path)
    monkeypatch.setenv("LILLIPUT_DATA", str(tmp_path))
    found = load("spoken-mnist")
    assert found.input_shape == (1, 39, 13)
    raw = np.load(tmp_path / "data_sp_test.npy").astype(np.float32)
    assert np.array_equal(found.test.x[3, 0, 2], raw[3, 26:39])
    (tmp_path / "data_sp_test.npy").write_bytes(b"rubbish")
    with pytest.raises(DataError, match=r"data_sp_test\.npy: not a readable"):
        load("spoken-mnist", path=tmp_path)
    np.save(tmp_path / "data_sp_test.npy", np.zeros((10, 13)))
    with pytest.raises(DataError, match="not 39 frames"):
        load("spoken-mnist", path=tmp_path)


def ppm(value: int, size: tuple[int, int], green: int = 0) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (value, green, 255 - value)).save(data, "PPM")
    return data.getvalue()


def sign_archives(folder: Path, classes: int = 43, tracks: int = 3) -> None:
    """Images of `tracks` signs of each class, two of each; red tells the class, green the track."""
    head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
    with zipfile.ZipFile(folder / "GTSRB_Final_Training_Images.zip", "w") as archive:
        for label in range(classes):
            base = f"GTSRB/Final_Training/Images/{label:05d}"
            names = [f"0000{track}_0000{frame}.ppm" for track in range(tracks) for frame in range(2)]
            rows = "".join(f"{name};20;21;5;5;15;16;{label}\n" for name in names)
            archive.writestr(f"{base}/GT-{label:05d}.csv", head + rows)
            for index, name in enumerate(names):
                archive.writestr(f"{base}/{name}", ppm(5 * label, (15 + index, 20), index // 2))
    with zipfile.ZipFile(folder / "GTSRB_Final_Test_Images.zip", "w") as archive:
        for index in range(4):
            archive.writestr(f"GTSRB/Final_Test/Images/{index:05d}.ppm", ppm(5 * index, (40, 40)))
    with zipfile.ZipFile(folder / "GTSRB_Final_Test_GT.zip", "w") as archive:
        rows = "".join(f"{index:05d}.ppm;40;40;5;5;35;35;{index}\n" for index in range(4))
        archive.writestr("GT-final_test.csv", head + rows)


def colours_tell_classes(found: Dataset) -> bool:
    return all(np.array_equal(split.x[:, 0, 0, 0], 5 * split.y) for split in (found.train, found.test))


def test_gtsrb_scales_the_images_of_three_archives(tmp_path: Path) -> None:
    sign_archives(tmp_path)
    found = load("gtsrb", path=tmp_path)
    assert found.input_shape == (32, 32, 3)
    assert (len(found.labels), len(found.train), len(found.validation), len(found.test)) == (43, 172, 86, 4)
    assert colours_tell_classes(found)
    assert load("gtsrb", path=tmp_path, size=(16, 24)).input_shape == (16, 24, 3)
    for name in list(tmp_path.glob("*.zip")):
        with zipfile.ZipFile(name) as archive:
            archive.extractall(tmp_path / "unpacked")
    assert colours_tell_classes(load("gtsrb", path=tmp_path / "unpacked"))


def test_gtsrb_keeps_the_frames_of_a_sign_together(tmp_path: Path) -> None:
    sign_archives(tmp_path, tracks=5)
    found = load("gtsrb", path=tmp_path, validation_share=0.3)
    for label in range(43):
        train, validation = (
            set(split.x[split.y == label][:, 0, 0, 1].tolist()) for split in (found.train, found.validation)
        )
        assert (len(train), len(validation), train & validation) == (3, 2, set())
    again, other = (load("gtsrb", path=tmp_path, validation_share=0.3, seed=seed) for seed in (0, 1))
    assert np.array_equal(found.validation.x, again.validation.x)
    assert not np.array_equal(found.validation.x, other.validation.x)
    sign_archives(tmp_path, tracks=1)
    with pytest.raises(DataError, match="class 0 has one recording only"):
        load("gtsrb", path=tmp_path)


def test_gtsrb_that_is_not_whole_is_named(tmp_path: Path) -> None:
    sign_archives(tmp_path, classes=42)
    with pytest.raises(DataError, match=r"lacks 00042/GT-00042\.csv"):
        load("gtsrb", path=tmp_path)
    (tmp_path / "GTSRB_Final_Training_Images.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="not a readable archive"):
        load("gtsrb", path=tmp_path)


@pytest.mark.parametrize("name", ["uci-har", "spoken-mnist", "gtsrb", "watch-activity", "basic-motions"])
def test_without_copy_and_network_the_user_hears_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object, **options: object) -> str:
        raise OSError("no route")

    monkeypatch.setattr("pooch.retrieve", no_network)
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    monkeypatch.setenv("LILLIPUT_DATA", str(tmp_path))
    monkeypatch.setattr(places, "folders", lambda wanted: iter([tmp_path]))
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        load(name)
    assert "path" in caught.value.hint
    with pytest.raises(DataError, match="there is no"):
        load(name, path=tmp_path / "nowhere")


def test_windows_are_whole_and_overlap() -> None:
    series = np.arange(20.0).reshape(10, 2)
    found = windows(series, 4, 3)
    assert found.shape == (3, 1, 4, 2)
    assert np.array_equal(found[1, 0], series[3:7])
    assert windows(series, 11, 1).shape == (0, 1, 11, 2)


def test_splits_by_subject_need_two_and_every_class() -> None:
    from lilliput.data import Split

    data = Split(np.zeros((6, 1, 1, 1), np.float32), np.array([0, 0, 0, 1, 1, 1]))
    with pytest.raises(DataError, match="only one subject"):
        by_subjects(data, np.zeros(6, np.int64), 0.5, 0, "test", "here")
    with pytest.raises(DataError, match="were drawn for the test split"):
        by_subjects(data, np.array([0, 0, 0, 1, 1, 1]), 0.5, 0, "test", "here")
