"""Calling the library."""

from __future__ import annotations

import ctypes

import torch

from passband.kernels.cpu.library import library


def loaded() -> ctypes.CDLL:
    """The library, where it is known to be there."""
    found = library()
    assert found is not None
    return found


def call(name: str, *arguments: ctypes.Structure) -> int:
    """Run a function of the library on as many threads as PyTorch uses, and return what it does.

    Raises:
        MemoryError: there is no room for what a thread computes with.
    """
    threads = torch.get_num_threads()
    # As an attribute it is found once; as an item it would be another each time.
    function = getattr(loaded(), name)
    return check(name, threads, function(*map(ctypes.byref, arguments), threads))


def check(name: str, threads: int, returned: int) -> int:
    """What a function of the library returned: nothing above 0 is good.

    Raises:
        MemoryError: there was no room.
    """
    if returned > 0:
        raise MemoryError(f"{name}: not enough memory for {threads} threads")
    return returned
