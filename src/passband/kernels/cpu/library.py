"""The library of compiled kernels that fits this CPU, where passband was installed with one."""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

import torch  # before the library, which takes its OpenMP from the one that PyTorch loads

from passband.kernels.cpu.sources import digest

_FOLDER = Path(__file__).parent
_VARIANTS = {"AVX512": ("avx512", "avx2"), "AVX2": ("avx2",)}  # the best first


def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None; raises nothing."""
    found = _load()
    return found if isinstance(found, ctypes.CDLL) else None


def missing() -> str | None:
    """Why `library` is None, in words; None where it is not."""
    found = _load()
    return found if isinstance(found, str) else None


@cache
def _load() -> ctypes.CDLL | str:
    """The library, or why there is none."""
    names = [f"_kernels_{variant}.so" for variant in _variants()]
    if not names:
        capability = torch.backends.cpu.get_cpu_capability()
        return f"there are no compiled kernels for this CPU ({platform.machine()}, {capability})"
    path = next((_FOLDER / name for name in names if (_FOLDER / name).is_file()), None)
    if path is None:
        return (
            f"passband was installed without compiled kernels (no {names[0]} in {_FOLDER}); "
            f"install it again with GCC, and with pip's -v to see what is in the way"
        )
    try:
        _share_openmp()
        found = ctypes.CDLL(str(path))
        found.passband_sources.restype = ctypes.c_char_p
        made_from, beside = found.passband_sources().decode(), digest(_FOLDER)
    except (OSError, AttributeError) as error:
        return f"the compiled kernels cannot be loaded: {error}"
    if beside not in (None, made_from):  # the structures in C may not be those of this Python
        return f"{path} was compiled from other sources than those beside it: run `make kernels`"
    return found


def _share_openmp() -> None:
    """Make the functions of PyTorch's OpenMP visible to the library, however it was loaded."""
    beside = Path(torch.__file__).parent
    mapped = Path("/proc/self/maps").read_text().splitlines()
    files = sorted({Path(line.split(maxsplit=5)[5]) for line in mapped if "/lib" in line})
    loaded = [file for file in files if file.name.startswith(("libgomp", "libiomp5", "libomp"))]
    for file in [f for f in loaded if f.is_relative_to(beside)] or loaded:
        ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)


def _variants() -> tuple[str, ...]:
    """Which of the libraries this CPU can run, by what PyTorch itself would run on it."""
    if sys.platform == "linux" and platform.machine() == "aarch64":
        return ("neon",)
    return _VARIANTS.get(torch.backends.cpu.get_cpu_capability(), ())
