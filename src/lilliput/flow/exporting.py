"""`export`: a model in the format of another program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lilliput.errors import ConfigError
from lilliput.flow.files import write_atomically
from lilliput.flow.models import load_model, quantized
from lilliput.net import Net, Profile


@dataclass(frozen=True)
class Exported:
    """A file that another program reads.

    Attributes:
        path: where it lies.
        format: a key of `FORMATS`.
        name: of the network.
        size_bytes: of the file.
        exact: whether the other program computes the same bytes as the C that Lilliput generates.
    """

    path: Path
    format: str
    name: str
    size_bytes: int
    exact: bool

    def to_json(self) -> dict[str, Any]:
        """The object that `lilliput export --json` prints."""
        return {
            "path": str(self.path),
            "format": self.format,
            "name": self.name,
            "size_bytes": self.size_bytes,
            "exact": self.exact,
        }


def export(model: str | Path, to: str, out: str | Path, *, data: str | None = None) -> Exported:
    """Writes a model in another program's format.

    Args:
        model: .safetensors or .tflite file, a compiled folder, or RUN#TRIAL.
        to: "tflite".
        out: the file; written whole or not at all.
        data: data set whose training examples give a float network its integer ranges.

    Raises:
        ConfigError: no such model or format, or `out` is a folder.
        FormatError: the model is damaged, or holds what the format cannot express.
        NetError: the network breaks a rule.
        StorageError: `out` cannot be written.
    """
    if to not in FORMATS:
        raise ConfigError(f"'{to}' is no format to export to", f"known: {', '.join(FORMATS)}", "choose one")
    out = Path(out)
    if out.is_dir():
        raise ConfigError(f"{out} is a folder", "a file is written", "name the file with -o")
    net = quantized(load_model(model), data)
    content, exact = FORMATS[to](net)
    write_atomically(out, content)
    return Exported(out, to, net.name, len(content), exact)


def _tflite(net: Net) -> tuple[bytes, bool]:
    from lilliput.formats.tflite import write_tflite

    return write_tflite(net), all(op.profile is Profile.TFLM for op in net.ops)


FORMATS: Mapping[str, Callable[[Net], tuple[bytes, bool]]] = {"tflite": _tflite}
"""Format → what gives the file's content, and whether that computes the same bytes."""
