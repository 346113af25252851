"""How much worse a network gets when some of its layers have fewer bits: measured, not guessed."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray

from lilliput.errors import DataError
from lilliput.net import Net
from lilliput.train.batches import Normalizer, labels_for, to_tensor
from lilliput.train.device import prepare
from lilliput.train.evaluation import score
from lilliput.train.integer_net import IntegerNet, Quantize, Ranges


def integer_loss(
    net: Net,
    ranges: Ranges,
    x: NDArray[np.generic],
    y: NDArray[np.int64],
    *,
    quantize: Quantize,
    device: str = "cpu",
) -> float:
    """Mean cross entropy of the quantized network, in nats, computed with its integers.

    Args:
        net: float with weights, batch norm folded; its normalization is applied.
        ranges: of its activations, as `calibrate` gives them.
        x: raw examples, (examples, *input shape).
        y: their classes.
        quantize: makes the quantized network of a float one and ranges.

    Raises:
        DataError: there are no examples, or they do not fit the network.
        NetError: the network cannot be quantized.
    """
    place = prepare(device)
    raw = to_tensor(x, net, place, "data")
    if not len(raw):
        raise DataError(f"there is nothing to score net '{net.name}' on", "no examples", "give some")
    found = score(IntegerNet(net, ranges, quantize, place), raw, Normalizer(net.normalization, place))
    return float(F.cross_entropy(found, labels_for(y, net, place)))
