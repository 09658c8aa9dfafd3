"""How the CPU kernels are compiled, left out, and found."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from passband.kernels.cpu import library as loading
from passband.kernels.cpu.sources import digest

ROOT = Path(__file__).parents[2]
PACKAGE = Path("passband/kernels/cpu")
WANTED = os.environ.get("PASSBAND_KERNELS") != "0"
THREADS = """
int omp_get_max_threads(void);
const char *passband_sources(void) { return SOURCES; }
int threads(void)
{
    int n = 0;
#pragma omp parallel reduction(+ : n)
    n += 1;
    return n;
}
int most(void) { return omp_get_max_threads(); }
"""
LOWEST = "_kernels_neon" if platform.machine() == "aarch64" else "_kernels_avx2"
BROKEN = "int broken(void) { return; nonsense }"


def load_build() -> ModuleType:
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build: Any = load_build()


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("PASSBAND_KERNELS", raising=False)


@pytest.fixture
def compiles() -> None:
    if sys.platform != "linux" or platform.machine() not in build.INSTRUCTIONS:
        pytest.skip(f"no kernels for {sys.platform} on {platform.machine()}")
    if not shutil.which("gcc"):
        pytest.skip("no gcc")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A project with one short C file."""
    sources = tmp_path / "src" / PACKAGE
    sources.mkdir(parents=True)
    (sources / "threads.c").write_text(THREADS)
    return sources


def run_hook(sources: Path, version: str) -> dict[str, Any]:
    """What the hook tells hatchling about a build."""
    hook: Any = SimpleNamespace(root=sources.parents[3])
    told: dict[str, Any] = {"force_include": {}}
    build.Kernels.initialize(hook, version, told)
    for library, place in told["force_include"].items():
        assert Path(place) == PACKAGE / Path(library).name
        assert Path(library).is_file()
    if version == "standard":
        build.Kernels.finalize(hook, version, told, "")
        assert not Path(hook.folder.name).exists()
    return told


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def expected() -> set[str]:
    return {f"_kernels_{variant}.so" for variant in build.INSTRUCTIONS[platform.machine()]}


@pytest.mark.usefixtures("compiles")
@pytest.mark.skipif(not shutil.which("readelf"), reason="no readelf")
def test_no_library_of_this_tree_brings_an_openmp(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(ROOT / "src" / PACKAGE, sources, ignore=shutil.ignore_patterns("*.so", ".*"))
    libraries = build.compile_all(sources, tmp_path)
    assert {library.name for library in libraries} == expected()
    for library in libraries:
        command = ["readelf", "--dynamic", "--wide", library]
        dynamic = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        needed = [line for line in dynamic.splitlines() if "(NEEDED)" in line]
        assert "libc.so" in "".join(needed)
        assert not [line for line in needed if "omp" in line]


@pytest.mark.usefixtures("compiles")
def test_openmp_is_the_one_of_pytorch(tiny: Path) -> None:
    program = """
        import ctypes, os, re, sys
        try:
            ctypes.CDLL(sys.argv[1])
        except OSError as error:
            assert "undefined symbol" in str(error), error
        else:
            raise AssertionError("loaded without PyTorch")
        import torch
        library = ctypes.CDLL(sys.argv[1])
        torch.set_num_threads(3)
        torch.ones(1 << 20).sin()
        before = len(os.listdir("/proc/self/task"))
        assert library.most() == library.threads() == 3
        assert len(os.listdir("/proc/self/task")) == before, "threads of its own"
        maps = open("/proc/self/maps").read()
        runtimes = set(re.findall(r"/\\S*lib(?:g|i|)omp\\S*", maps))
        assert len(runtimes) == 1, runtimes
    """
    first = build.compile_all(tiny, tiny)[-1]  # the one with the fewest instructions
    command = [sys.executable, "-c", "if True:" + program, str(first)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("compiles")
def test_a_library_in_use_is_replaced_not_overwritten(tiny: Path) -> None:
    old = [library.stat().st_ino for library in build.compile_all(tiny, tiny)]
    held = [path.open("rb") for path in sorted(tiny.glob("*.so"))]
    new = [library.stat().st_ino for library in build.compile_all(tiny, tiny)]
    assert not set(old) & set(new)
    for file in held:
        file.close()
    assert names(tiny) == {"threads.c", *expected()}


def no_compiler(sources: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shutil, "which", lambda _: None)


def failing_compiler(sources: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("CC", "/bin/false")


def absent_compiler(sources: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("CC", "/nowhere/cc -m64")


def switched_off(sources: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PASSBAND_KERNELS", "0")


def other_system(sources: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "platform", "win32")


def other_machine(sources: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(platform, "machine", lambda: "riscv64")


def last_file_broken(sources: Path, patch: pytest.MonkeyPatch) -> None:
    (sources / "zz.c").write_text(BROKEN)


def other_openmp(sources: Path, patch: pytest.MonkeyPatch) -> None:
    (sources / "zz.c").write_text(
        "void __kmpc_fork_call(void); void f(void) { __kmpc_fork_call(); }"
    )


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize(
    ("obstacle", "why"),
    [
        (no_compiler, "no C compiler"),
        (failing_compiler, "/bin/false"),
        (absent_compiler, "/nowhere/cc"),
        (switched_off, "PASSBAND_KERNELS=0"),
        (other_system, "none for"),
        (other_machine, "none for"),
        (last_file_broken, "zz.c"),
        (other_openmp, "LLVM's OpenMP"),
    ],
)
@pytest.mark.parametrize("version", ["editable", "standard"])
def test_what_cannot_be_compiled_is_left_out(
    obstacle: Callable[[Path, pytest.MonkeyPatch], None],
    why: str,
    version: str,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stale = tiny / "_kernels_avx2.so"
    stale.write_bytes(b"of an earlier time")
    obstacle(tiny, monkeypatch)
    sources = {path.name for path in tiny.glob("*.c")}
    assert run_hook(tiny, version) == {"force_include": {}}
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("passband: the compiled kernels are left out: ")
    assert why in last
    # A wheel's libraries are not made in place, and those in place are somebody else's.
    assert names(tiny) == (sources if version == "editable" else {*sources, stale.name})


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize("version", ["editable", "standard"])
def test_a_build_with_libraries_names_its_platform(version: str, tiny: Path) -> None:
    told = run_hook(tiny, version)
    assert told["tag"] == f"py3-none-linux_{platform.machine()}"
    assert told["pure_python"] is False
    included = {Path(place).name for place in told["force_include"].values()}
    assert included == (expected() if version == "standard" else set())
    assert names(tiny) == {"threads.c", *(expected() if version == "editable" else ())}


@pytest.mark.usefixtures("compiles")
@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed here")
@pytest.mark.parametrize("wanted", [True, False])
def test_wheel(wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSBAND_KERNELS", str(int(wanted)))
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*pip, ROOT, "-w", tmp_path], check=True)
    (wheel,) = tmp_path.iterdir()
    system = f"linux_{platform.machine()}" if wanted else "any"
    assert wheel.name.endswith(f"-py3-none-{system}.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {Path(name).name for name in archive.namelist()}
    assert {name for name in inside if name.endswith(".so")} == (expected() if wanted else set())
    assert not [name for name in inside if name.endswith((".c", ".h"))]
    assert "library.py" in inside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where libraries are looked for, in place of the package's own folder."""
    monkeypatch.setattr(loading, "_FOLDER", tmp_path)
    loading._load.cache_clear()
    yield tmp_path
    loading._load.cache_clear()


@pytest.fixture
def lowest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU that runs the library of the fewest instructions, and no other."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


def test_the_library_of_this_installation_is_the_one_expected() -> None:
    library = loading.library()
    if library is None:
        pytest.skip(loading.missing() or "")
    assert loading.missing() is None
    assert loading.library() is library


@pytest.mark.usefixtures("compiles")
@pytest.mark.skipif(not WANTED, reason="PASSBAND_KERNELS=0")
@pytest.mark.skipif(not loading._variants(), reason="no kernels for this CPU")
def test_where_they_can_be_compiled_there_are_kernels() -> None:
    """The tests of the kernels skip without a library: this one says that it should be there."""
    assert loading.missing() is None
    assert expected() <= names(Path(loading.__file__).parent)


def test_without_a_library_there_is_a_reason(folder: Path) -> None:
    assert loading.library() is None
    assert "compiled kernels" in str(loading.missing())


def test_a_cpu_without_kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    assert loading.library() is None
    assert "no compiled kernels for this CPU (s390x, DEFAULT)" in str(loading.missing())


@pytest.mark.usefixtures("compiles")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="one set of instructions only")
@pytest.mark.parametrize(
    ("capability", "there", "taken"),
    [
        ("AVX512", ["avx2", "avx512"], "avx512"),
        ("AVX512", ["avx2"], "avx2"),
        ("AVX2", ["avx2", "avx512"], "avx2"),
        ("AVX2", ["avx512"], None),
    ],
)
def test_the_widest_that_the_cpu_has_is_taken(
    capability: str,
    there: list[str],
    taken: str | None,
    folder: Path,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    for name in there:
        library = folder / f"_kernels_{name}.so"
        build.compile_one(["gcc"], [tiny / "threads.c"], library, ['-DSOURCES=""'])
    found = loading.library()
    assert (found and Path(found._name).name) == (taken and f"_kernels_{taken}.so")
    assert (found is None) == (loading.missing() is not None)


def refused(folder: Path) -> bool:
    """Whether the folder's library is left alone for what it was compiled from."""
    loading._load.cache_clear()
    why = f"{LOWEST}.so was compiled from other sources than those beside it: run `make kernels`"
    assert loading.missing() is None or str(loading.missing()).endswith(why)
    return loading.library() is None


@pytest.mark.usefixtures("compiles", "lowest")
def test_a_library_of_other_sources_is_not_taken(folder: Path, tiny: Path) -> None:
    source = Path(shutil.copy(tiny / "threads.c", folder))
    header = folder / "threads.h"
    build.compile_all(folder, folder)
    assert not refused(folder)
    source.write_text(THREADS + "int more;")
    assert refused(folder)
    source.write_text(THREADS)
    assert not refused(folder)
    header.write_text("")
    assert refused(folder)
    header.unlink()
    assert not refused(folder)
    source.rename(folder / "other.c")
    assert refused(folder)


@pytest.mark.usefixtures("compiles", "lowest")
def test_without_sources_any_library_is_taken(folder: Path, tiny: Path) -> None:
    build.compile_all(tiny, folder)
    assert digest(tiny) is not None
    assert digest(folder) is None
    assert not refused(folder)


@pytest.mark.usefixtures("compiles", "lowest")
@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('const char *passband_sources(void) { return ""; }', "from other sources"),
        ("int something_else;", "cannot be loaded"),
        ("int no(void); int passband_sources(void) { return no(); }", "undefined symbol"),
        (None, "cannot be loaded"),
    ],
    ids=["no digest", "no function", "undefined", "no library"],
)
def test_a_library_that_does_not_fit_is_not_taken(
    source: str | None, why: str, folder: Path
) -> None:
    library, file = folder / f"{LOWEST}.so", folder / "kernels.c"
    if source is None:
        library.write_bytes(b"\x7fELF, cut short")
    else:
        file.write_text(source)
        build.compile_one(["gcc"], [file], library, [])
    assert loading.library() is None
    assert why in str(loading.missing())
