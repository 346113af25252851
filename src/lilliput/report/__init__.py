"""One self-contained HTML page from a study's results."""

from lilliput.report.memory import memory_profile
from lilliput.report.model import FrontNetwork, LiveBuffer, MemoryProfile, MemoryStep, StudyReport
from lilliput.report.page import front_svg, render

__all__ = [
    "FrontNetwork",
    "LiveBuffer",
    "MemoryProfile",
    "MemoryStep",
    "StudyReport",
    "front_svg",
    "memory_profile",
    "render",
]
