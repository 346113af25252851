"""Small data sets in the forms that loaders read, for fuzzing: each of their files is damaged in turn."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.data.test_official_sets import stored

from lilliput.data import Dataset, load
from lilliput.data.activities import HAR_CHANNELS
from lilliput.data.mnist import FILES
from lilliput.data.signs import CLASSES
from lilliput.errors import LilliputError

Files = dict[str, bytes]


@dataclass(frozen=True)
class Place:
    """One file that is damaged.

    Attributes:
        name: of the data set.
        path: what `load` is given.
        file: what is damaged, in that folder or the path itself.
        content: of the file as it should be.
    """

    name: str
    path: Path
    file: Path
    content: bytes

    def load(self) -> Dataset:
        """The set as it lies there."""
        return load(self.name, path=self.path, options=_OPTIONS.get(self.name))

    def load_with(self, content: bytes) -> None:
        """Loads the set with another content of the file, which is then as it was.

        Anything but a `LilliputError` is a finding, and so is a warning of numpy.
        """
        self.file.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                self.load()
        except LilliputError:
            pass
        finally:
            self.file.write_bytes(self.content)


_OPTIONS: dict[str, dict[str, Any]] = {"watch-activity": {"window": 8, "step": 8}}


def places(folder: Path) -> list[Place]:
    """All sets, written below a folder: zipped, and as files, since a checksum guards what is zipped."""
    rng = np.random.default_rng(0)
    found: list[Place] = []

    def add(name: str, form: str, files: Files, damaged: list[str], path: str = "") -> None:
        base = folder / f"{name}-{form}"
        for file, content in files.items():
            (base / file).parent.mkdir(parents=True, exist_ok=True)
            (base / file).write_bytes(content)
        found.extend(Place(name, base / path, base / file, files[file]) for file in damaged)

    har = _har(rng)
    names = ["activity_labels.txt", "train/y_train.txt", "train/subject_train.txt", "test/y_test.txt"]
    names.append(f"train/Inertial Signals/{HAR_CHANNELS[0]}_train.txt")
    add("uci-har", "folder", har, names)
    for form, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        add("uci-har", form, {"har.zip": zipped(har, method)}, ["har.zip"], "har.zip")
    nested = zipped({"UCI HAR Dataset.zip": zipped(har)})
    add("uci-har", "nested", {"har.zip": nested}, ["har.zip"], "har.zip")

    motions = {f"BasicMotions_{part}.ts": _series(rng) for part in ("TRAIN", "TEST")}
    add("basic-motions", "folder", motions, list(motions))
    add("basic-motions", "wheel", {"aeon.whl": zipped(motions)}, ["aeon.whl"], "aeon.whl")

    watch = {"watch_dataset.npy": stored(_recordings(rng))}
    add("watch-activity", "file", watch, list(watch), "watch_dataset.npy")
    add("watch-activity", "wheel", {"seglearn.whl": zipped(watch)}, ["seglearn.whl"], "seglearn.whl")

    spoken = _spoken(rng)
    add("spoken-mnist", "folder", spoken, list(spoken))

    signs = _signs()
    add("gtsrb", "zipped", {name: zipped(files) for name, files in signs.items()}, list(signs))
    unpacked = {name: content for files in signs.values() for name, content in files.items()}
    names = [name for name in unpacked if "/00007" in name or "est/" in name or "est." in name]
    add("gtsrb", "folder", unpacked, names)

    digits = _digits(rng)
    add("mnist", "plain", digits, list(digits))
    packed = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in digits.items()}
    add("mnist", "packed", packed, list(packed))

    arrays = {f"{kind}_{part}": _array(kind, rng) for part in ("train", "test") for kind in "xy"}
    for form, write in (("plain", np.savez), ("packed", np.savez_compressed)):
        stream = io.BytesIO()
        write(stream, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        add("npz", form, {"set.npz": stream.getvalue()}, ["set.npz"], "set.npz")
    add("csv", "file", {"set.csv": b"a,b,class\n" + b"1,2.5,x\n5,-6e3,y\n" * 6}, ["set.csv"], "set.csv")
    images = {f"{label}/{index}.{form}": _image(form) for label in "ab" for index, form in enumerate(_FORMS)}
    add("images", "folder", images, [name for name in images if name.startswith("a/")])
    return found


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def _lines(table: np.ndarray) -> bytes:
    return "\n".join(" ".join(f"{value:.2f}" for value in row) for row in table).encode()


def _har(rng: np.random.Generator) -> Files:
    files = {"activity_labels.txt": b"1 SITTING\n2 WALKING\n"}
    for part, count in (("train", 8), ("test", 4)):
        for name in HAR_CHANNELS:
            files[f"{part}/Inertial Signals/{name}_{part}.txt"] = _lines(rng.normal(size=(count, 4)))
        files[f"{part}/y_{part}.txt"] = b"1\n2\n" * (count // 2)
        files[f"{part}/subject_{part}.txt"] = b"1\n1\n2\n2\n" * (count // 4)
    return files


def _series(rng: np.random.Generator) -> bytes:
    head = "@problemName BasicMotions\n@classLabel true Standing Running\n@data\n"
    rows = [":".join(",".join(f"{v:.1f}" for v in row) for row in rng.normal(size=(2, 5))) for _ in range(8)]
    return (
        head + "\n".join(f"{row}:{('Standing', 'Running')[i % 2]}" for i, row in enumerate(rows))
    ).encode()


def _recordings(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "X": [rng.normal(size=(9, 2)) for _ in range(8)],
        "y": np.arange(8) % 2,
        "subject": np.arange(8) // 2,
        "y_labels": ["PEN", "ABD"],
    }


def _saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _spoken(rng: np.random.Generator) -> Files:
    files = {}
    for part, count in (("train", 20), ("test", 10)):
        files[f"data_sp_{part}.npy"] = _saved(rng.normal(size=(count, 507)).astype(np.float16))
        files[f"labels_{part}.npy"] = _saved(np.arange(count) % 10)
    return files


def _signs() -> dict[str, Files]:
    head = b"Filename;Width;ClassId\n"
    training: Files = {}
    for label in range(CLASSES):
        base, names = f"GTSRB/Final_Training/Images/{label:05d}", ("00000_00000.ppm", "00001_00000.ppm")
        rows = "".join(f"{name};2;{label}\n" for name in names)
        training[f"{base}/GT-{label:05d}.csv"] = head + rows.encode()
        training |= {f"{base}/{name}": _image("ppm") for name in names}
    test = {f"GTSRB/Final_Test/Images/{index:05d}.ppm": _image("ppm") for index in range(3)}
    truth = {"GT-final_test.csv": head + b"00000.ppm;2;5\n00001.ppm;2;6\n00002.ppm;2;7\n"}
    names = ("Training_Images", "Test_Images", "Test_GT")
    return {
        f"GTSRB_Final_{name}.zip": files for name, files in zip(names, (training, test, truth), strict=True)
    }


_FORMS = ("ppm", "png", "gif", "bmp", "tif", "jpg", "webp")


def _image(form: str) -> bytes:
    stream = io.BytesIO()
    kinds = {"tif": "TIFF", "jpg": "JPEG"}
    Image.new("RGB", (3, 2), (10, 200, 30)).save(stream, kinds.get(form, form.upper()))
    return stream.getvalue()


def _digits(rng: np.random.Generator) -> Files:
    files = {}
    for name, count in zip(FILES, (20, 20, 10, 10), strict=True):
        labels = "idx1" in name
        sizes = (count,) if labels else (count, 3, 3)
        data = np.arange(count) % 10 if labels else rng.integers(0, 256, sizes)
        head = bytes((0, 0, 8, len(sizes))) + b"".join(size.to_bytes(4, "big") for size in sizes)
        files[name] = head + data.astype(np.uint8).tobytes()
    return files


def _array(kind: str, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(12, 3)) if kind == "x" else np.arange(12) % 2
