"""Turns a planned network into C: `generate` returns file names and texts and writes nothing."""

from lilliput.codegen.generate import CodegenOptions, generate

__all__ = ["CodegenOptions", "generate"]
