"""Where torch computes, and the settings of the process that make small networks fast."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys

import torch

from lilliput.errors import ConfigError

_M_TRIM_THRESHOLD = -1  # names and values of glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_KEEP_BYTES = 1 << 30


@functools.cache
def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory instead of giving it back to the kernel.

    Activations of a small network are a few megabytes, which glibc maps and unmaps at every step by
    default; the page faults cost as much as the arithmetic.  Does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)


def existing_device(device: str) -> torch.device:
    """The device "cpu", "cuda" or "cuda:N" of this machine.

    Raises:
        ConfigError: there is no such device here.
    """
    try:
        found = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"device '{device}' is unknown", "", "use 'cpu', 'cuda' or 'cuda:0'") from None
    if found.type not in ("cpu", "cuda"):
        raise ConfigError(f"device '{device}' is not supported", "", "use 'cpu', 'cuda' or 'cuda:0'")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device '{device}' is not there",
            f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices",
            "use device 'cpu'",
        )
    return found


def prepare(device: str, threads: int = 0) -> torch.device:
    """Get the process ready to train on `device`: "cpu", "cuda" or "cuda:N".

    Args:
        threads: CPU threads for torch, 0 leaves them.  The number is the process's, and stays.

    Raises:
        ConfigError: there is no such device here.
    """
    found = existing_device(device)
    if threads and threads != torch.get_num_threads():
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # weights that decay towards zero would slow the arithmetic a hundredfold
    if found.type == "cpu":
        keep_freed_memory()
    return found


def computes_bfloat16(device: torch.device) -> bool:
    """Whether `device` has instructions for bfloat16; without them it takes several times float32's time."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())


def best_device() -> str:
    """ "cuda" where torch finds one, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
