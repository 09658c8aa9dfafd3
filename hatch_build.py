"""Compiles the CPU kernels when passband is built, and leaves them out where that fails.

hatchling calls it for a wheel and for an editable installation. By hand, `python hatch_build.py`
compiles them in place. One library for each instruction set: which of them a machine can run is
known only there, to `passband.kernels.cpu.library`.
"""

from __future__ import annotations

import os
import platform
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # by hand, where nobody needs hatchling
    BuildHookInterface = object

PACKAGE = "passband/kernels/cpu"
HERE = Path(__file__).parent / "src" / PACKAGE
INSTRUCTIONS = {
    "x86_64": {
        "avx512": "-mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mavx2",
        "avx2": "-mavx2 -mfma",
    },
    "aarch64": {"neon": ""},
}
FLAGS = "-O3 -std=gnu11 -fPIC -fopenmp -fno-math-errno -fno-trapping-math -mtune=generic -Wall"


class Kernels(BuildHookInterface):
    """The build hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles, in place for an editable installation; the wheel then names its platform."""
        sources = Path(self.root, "src", PACKAGE)
        if version == "editable":
            libraries = compile_or_leave_out(sources, sources)
        else:  # beside the tree: who builds a wheel of a checkout still runs the checkout's own
            self.folder = tempfile.TemporaryDirectory()
            libraries = compile_or_leave_out(sources, Path(self.folder.name))
            included = {str(library): f"{PACKAGE}/{library.name}" for library in libraries}
            build_data["force_include"].update(included)
        if libraries:
            system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data.update(pure_python=False, tag=f"py3-none-{system}")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what the wheel now holds."""
        if version != "editable":
            self.folder.cleanup()


def compile_or_leave_out(sources: Path, into: Path) -> list[Path]:
    """The libraries compiled from a folder; none, with a line on stderr, if anything is in the way.

    Then those of an earlier time are removed too: they were made from other sources.
    """
    try:
        return compile_all(sources, into)
    except Exception as problem:  # whatever it is: passband works without them
        print(f"passband: the compiled kernels are left out: {problem}", file=sys.stderr)
        for library in into.glob("_kernels_*.so"):
            with suppress(OSError):
                library.unlink()
        return []


def compile_all(sources: Path, into: Path) -> list[Path]:
    """Compiles a folder's C files to `_kernels_<instructions>.so`, all of them or none.

    Each keeps the digest of the files, so that it is not loaded beside others.

    Raises:
        RuntimeError: they are not wanted, there is nothing to compile or no compiler, or it failed.
        OSError: it cannot be run, or a file cannot be written.
    """
    if os.environ.get("PASSBAND_KERNELS") == "0":
        raise RuntimeError("PASSBAND_KERNELS=0")
    variants = INSTRUCTIONS.get(platform.machine(), {}) if sys.platform == "linux" else {}
    if not variants:
        raise RuntimeError(f"there are none for {sysconfig.get_platform()}")
    files = sorted(sources.glob("*.c"))
    if not files:
        raise RuntimeError(f"there are no C files in {sources}")
    compiler = find_compiler()
    digest = runpy.run_path(str(HERE / "sources.py"))["digest"]  # passband itself imports torch
    made_from = f'-DSOURCES="{digest(sources)}"'
    write_atomic = runpy.run_path(str(HERE.parents[1] / "atomic.py"))["write_atomic"]
    with tempfile.TemporaryDirectory() as folder:
        made = [
            compile_one(
                compiler, files, Path(folder, f"_kernels_{name}.so"), [*flags.split(), made_from]
            )
            for name, flags in variants.items()
        ]
        for library in made:
            # Whole and under another inode: a process may be running the old ones.
            write_atomic(into / library.name, library.read_bytes())
    return [into / library.name for library in made]


def compile_one(compiler: list[str], files: list[Path], library: Path, flags: list[str]) -> Path:
    """Compiles one library, which takes OpenMP from the process that loads it.

    That is PyTorch's. Linked with `-fopenmp` it would bring a second runtime, whose threads and
    PyTorch's would be in each other's way.
    """

    def compile_file(file: Path) -> Path:
        made = library.with_name(f"{library.stem}_{file.stem}.o")
        run([*compiler, *FLAGS.split(), *flags, "-c", str(file), "-o", str(made)])
        if b"__kmpc_" in made.read_bytes():
            raise RuntimeError(f"{compiler[0]} calls LLVM's OpenMP, not GCC's as PyTorch does")
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread waits for a compiler
        objects = list(pool.map(compile_file, files))
    run([*compiler, "-shared", *map(str, objects), "-o", str(library)])
    return library


def find_compiler() -> list[str]:
    """`$CC`, or what is on the path; GCC first, since PyTorch's OpenMP is GCC's."""
    command = shlex.split(os.environ.get("CC", ""))
    found = filter(None, map(shutil.which, ("gcc", "cc", "clang")))
    if not command and not (command := list(found)[:1]):
        raise RuntimeError("there is no C compiler: no $CC, and neither gcc, cc nor clang")
    return command


def run(command: list[str]) -> None:
    """Runs a compiler; what it says itself goes to stderr."""
    status = subprocess.run(command).returncode
    if status:
        raise RuntimeError(f"{shlex.join(command)} returned {status}")


if __name__ == "__main__":
    sys.exit(not compile_or_leave_out(HERE, HERE))
