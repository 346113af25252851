"""Builds what was generated, runs it on the host, an emulated core or a board, and measures it."""

from lilliput.measure.artifact import Artifact, manifest_text, read_artifact
from lilliput.measure.host import HostModel
from lilliput.measure.measuring import measure, measure_with_outputs

__all__ = ["Artifact", "HostModel", "manifest_text", "measure", "measure_with_outputs", "read_artifact"]
