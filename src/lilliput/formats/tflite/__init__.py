"""TensorFlow Lite models ↔ `Net`."""

from lilliput.formats.tflite.profile import to_tflm
from lilliput.formats.tflite.reading import parse_tflite, read_tflite
from lilliput.formats.tflite.writing import write_tflite

__all__ = ["parse_tflite", "read_tflite", "to_tflm", "write_tflite"]
