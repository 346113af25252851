"""What a network costs on a board, before anything is built."""

from lilliput.cost.predict import cost

__all__ = ["cost"]
