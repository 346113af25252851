"""TensorFlow Lite models ↔ `Net`."""

from lilliput.formats.tflite.reading import read_tflite

__all__ = ["read_tflite"]
