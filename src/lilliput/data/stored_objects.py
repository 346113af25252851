"""Arrays, lists and dictionaries from .npy files that hold Python objects, without running what is in them.

numpy reads such files through Python's object serialization, which calls whatever functions a file names.
Here a handful of its instructions is followed by hand: those that make numbers, texts, lists, dictionaries
and plain numpy arrays.  Anything else is an error.
"""

from __future__ import annotations

import io
import math
import pickletools  # only lists the instructions of a stream; runs nothing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lilliput.data.archives import DAMAGE
from lilliput.errors import DataError

_FUNCTIONS = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy ndarray": "class of arrays",
    "numpy dtype": "type",
    "_codecs encode": "bytes",
}
_VALUES = frozenset({"BININT", "BININT1", "BININT2", "BINUNICODE", "BINFLOAT", "LONG1"})
_FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Mark:
    """Where a list of values on the stack begins."""


class _Function(str):
    """A function that a stream may name."""


class _Array:
    """An array whose contents follow."""

    value: Any = None


def objects_in(data: bytes, source: str) -> Any:
    """What numpy.save wrote of one Python object: numbers, texts, lists, dictionaries, numeric arrays.

    Args:
        data: content of the .npy file.
        source: where it comes from, for messages.

    Raises:
        DataError: not such a file, or it holds anything else.
    """
    try:
        stream = io.BytesIO(data)
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("its version is not 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if shape != () or not dtype.hasobject:
            raise ValueError(f"it holds an array of {dtype}, not an object")
        (found,) = _Machine().run(stream.read())
    except DAMAGE as error:
        raise DataError(
            f"{source}: not an object file of numbers and texts",
            f"{type(error).__name__}: {error}",
            "get the file again",
        ) from error
    return found


class _Machine:
    """Follows the instructions of one stream."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memory: dict[int, Any] = {}

    def run(self, stream: bytes) -> Any:
        for instruction, argument, _ in pickletools.genops(stream):
            self._step(instruction.name, argument)
        (found,) = self._stack
        return _plain(found)

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _FIXED:
            stack.append(_FIXED[name])
        elif name in _TUPLES:
            count = _TUPLES[name]
            if len(stack) < count:
                raise ValueError("the stream ends too early")
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "MARK":
            stack.append(_Mark())
        elif name == "TUPLE":
            stack.append(tuple(self._marked()))
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name in ("APPEND", "APPENDS"):
            values = [stack.pop()] if name == "APPEND" else self._marked()
            _of(list, stack[-1]).extend(values)
        elif name == "SETITEMS":
            values = self._marked()
            _of(dict, stack[-1]).update(zip(values[::2], values[1::2], strict=True))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memory[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memory[argument])
        elif name == "GLOBAL":
            stack.append(_Function(_FUNCTIONS[argument]))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(_called(_of(_Function, stack.pop()), arguments))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], _Array):
                stack[-1].value = _filled(state)
            elif not isinstance(stack[-1], np.dtype):
                raise ValueError("it builds something else than an array")
        elif name not in ("PROTO", "STOP"):
            raise ValueError(f"the instruction {name} is not for data")

    def _marked(self) -> list[Any]:
        """The values above the last mark, taken off the stack together with it."""
        place = max(index for index, value in enumerate(self._stack) if isinstance(value, _Mark))
        values = self._stack[place + 1 :]
        del self._stack[place:]
        return values


def _called(function: _Function, arguments: Any) -> Any:
    if function == "array":
        return _Array()
    if function == "bytes":
        text, encoding = arguments
        if encoding != "latin1":
            raise ValueError(f"bytes in {encoding}")
        return text.encode("latin1")
    if function == "type":
        found = np.dtype(_of(str, arguments[0]))
        if found.kind not in "iufbO":
            raise ValueError(f"arrays of {found}")
        return found
    raise ValueError("a class is called")


def _filled(state: Any) -> NDArray[Any] | list[Any]:
    """An array from (version, shape, type, Fortran order, contents)."""
    _, shape, dtype, fortran, content = state
    if dtype.hasobject:
        return list(_of(list, content))
    array = np.frombuffer(_of(bytes, content), dtype.newbyteorder("<"))
    if array.size != math.prod(shape):
        raise ValueError(f"an array of {shape} with {array.size} elements")
    found: NDArray[Any] = array.reshape(shape, order="F" if fortran else "C").copy(order="C")
    return found


def _plain(value: Any) -> Any:
    """The value with all arrays in place."""
    if isinstance(value, _Array):
        return _plain(value.value)
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value
