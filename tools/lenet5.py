"""Makes results/lenet5: LeNet-5 on MNIST as float32, int8, w4a4 and w2a2, each scored as C.

    python tools/lenet5.py FOLDER

A float32.safetensors that lies in FOLDER is taken as it is, so that formats can be tried anew.

The network is that of Nieuwenhuis, "Exploring the Implementation of Network Architecture Search (NAS) for
TinyML Applications", University of Twente 2022, Tables 5.1 and 5.2: two convolutions of 5 x 5 without
padding, 6 and 16 channels, each with ReLU and 2 x 2 max pooling, and dense layers of 120, 84 and 10 units.
It has 281,640 multiply-accumulates; the thesis counts its 236 biases, too: 281,876.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from lilliput import train
from lilliput.data import Dataset, load
from lilliput.flow.building import build, described
from lilliput.flow.quantizing import in_formats
from lilliput.net import Net, Requantize
from lilliput.net.formats import Formats, formats_named
from lilliput.net.storage import load as load_net
from lilliput.net.storage import save
from lilliput.passes import plan_floats_for, plan_for
from lilliput.search import templates
from lilliput.targets import board
from lilliput.train.settings import AugmentSettings, QatSettings, TrainSettings

SEED = 0
BOARD = "nucleo-l4r5zi"
AUGMENT = AugmentSettings(shift=(2, 2))
FLOAT = TrainSettings(epochs=20, batch_size=128, learning_rate=0.05, weight_decay=5e-4, threads=1)
FORMATS: dict[str, tuple[str, QatSettings | None]] = {
    "float32": ("float32", None),
    "int8": ("int8", QatSettings(epochs=3, threads=1)),
    "w4a4": (
        "w4a4,logits=int8",
        QatSettings(epochs=3, learning_rate=0.001, scales="learned", threads=1),
    ),
    "w2a2": (
        "w2a2,logits=int8",
        QatSettings(epochs=8, learning_rate=0.002, scales="learned", threads=1),
    ),
}
"""File → formats of its layers, and how it is fine-tuned.  The last layer has 8 bits."""
NARROW_IMAGE = frozenset({"w2a2"})
"""Where the image, too, is taken down to the bits of the format before the first convolution."""


def trained(data: Dataset) -> Net:
    """The float network."""
    shape = templates.Cnn((6, 16), (5, 5), (2, 2), (120, 84), padded=False)
    net = described(templates.build(shape, data.input_shape, data.classes, "lenet5"), data)
    return train.fit(net, data, FLOAT, augment=AUGMENT, seed=SEED).net


def behind_requantize(net: Net) -> Net:
    """The same floats; in integers an op `image` puts the input out in its format."""
    image = Requantize(name="image", inputs=net.inputs, outputs=("image",))
    first = replace(net.ops[0], inputs=("image", *net.ops[0].inputs[1:]))
    tensors = {**net.tensors, "image": replace(net.input, name="image")}
    return replace(net, ops=(image, first, *net.ops[1:]), tensors=tensors)


def scores(net: Net, formats: Formats, data: Dataset) -> dict[str, float | int]:
    """Accuracy of the C on both splits that were not trained on, and what the network takes."""
    target = board(BOARD)
    plans = plan_floats_for if formats.real else plan_for
    built = build(plans(net, target.core), target)
    return {
        "validation_percent": round(100 * built.accuracy(data.validation), 2),
        "test_percent": round(100 * built.accuracy(data.test), 2),
        "weights_bytes": built.cost.weights_bytes,
        "arena_bytes": built.cost.arena_bytes,
    }


def main(folder: Path) -> None:
    """Trains, converts, scores and writes everything; prints one JSON object for each network."""
    data = load("mnist")
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "float32.safetensors"
    if not whole.exists():
        save(trained(data), whole)
    source = load_net(whole)
    for name, (text, qat) in FORMATS.items():
        formats = formats_named(text)
        floats = behind_requantize(source) if name in NARROW_IMAGE else source
        for tuned in [None] if qat is None else [None, qat]:
            start = time.monotonic()
            net = in_formats(floats, data, formats, qat=tuned, augment=AUGMENT, seed=SEED)
            seconds = round(time.monotonic() - start, 1)
            found = {"name": name, "format": text, "epochs": 0 if tuned is None else tuned.epochs}
            print(json.dumps(found | {"seconds": seconds} | scores(net, formats, data)), flush=True)
        if not formats.real:
            save(net, folder / f"{name}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
