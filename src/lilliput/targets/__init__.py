"""Boards and cores that networks are made for."""

from lilliput.targets.boards import Board, FlashCache, board, board_from_dict, boards
from lilliput.targets.cores import CORES, Core, core

__all__ = ["CORES", "Board", "Core", "FlashCache", "board", "board_from_dict", "boards", "core"]
