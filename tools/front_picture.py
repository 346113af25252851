"""Draws the front of a search as an SVG file, as README.md shows one.

    python tools/front_picture.py RUN [RESOURCE] > docs/images/front.svg

RESOURCE is ram_bytes (the default), flash_bytes, macs, cycles or latency_ms.
"""

from __future__ import annotations

import sys

from lilliput.errors import LilliputError
from lilliput.flow.reporting import described
from lilliput.flow.run_directory import opened
from lilliput.report import front_svg


def main() -> int:
    """Prints the drawing; 2 for bad usage or bad input."""
    if not 2 <= len(sys.argv) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        run, settings = opened(sys.argv[1])
        print(front_svg(described(run, settings), *sys.argv[2:]), end="")
    except LilliputError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
