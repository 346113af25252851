"""TensorFlow Lite models ↔ `Net`."""

from lilliput.formats.tflite.memory import TflmMemory, tflm_memory
from lilliput.formats.tflite.profile import to_tflm
from lilliput.formats.tflite.reading import parse_tflite, read_tflite
from lilliput.formats.tflite.writing import write_tflite

__all__ = ["TflmMemory", "parse_tflite", "read_tflite", "tflm_memory", "to_tflm", "write_tflite"]
