"""What the project installs is pinned, and none of its code runs what a file says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
# Those that `make` installs; the rest are for users and tested where they are there.
EXTRAS = ("attacks", "docs", "estimators", "gpu", "lab", "ray", "test", "dev")

# Calls that run code which they are given, or that may: by the last names of what is called.
NEVER = {
    "__import__", "cPickle.load", "cloudpickle.loads", "compile", "dill.load", "eval", "exec",
    "importlib.import_module", "joblib.load", "marshal.load", "marshal.loads", "os.popen",
    "os.system", "pd.read_pickle", "pickle.Unpickler", "pickle.load", "pickle.loads",
    "read_pickle", "runpy.run_module", "runpy.run_path", "shelve.open", "torch.hub.load",
    "torch.load", "yaml.full_load", "yaml.load", "yaml.load_all", "yaml.unsafe_load",
}  # fmt: skip
# Where one of them stands all the same, and why that is right.
JUSTIFIED = {
    ("src/passband/lab/importing.py", "importlib.import_module"):
        "the user typed the path, or allowed an experiment's",
    ("src/passband/lab/data/packages.py", "importlib.import_module"):
        "packages of extras, by names that stand in our code",
    ("src/passband/lab/bench/peers.py", "importlib.import_module"):
        "peers, by names that stand in our code",
    ("src/passband/lab/data/unpickle.py", "pickle.Unpickler"):
        "CIFAR is pickles: this reader calls nothing but what arrays of bytes need",
    ("hatch_build.py", "runpy.run_path"): "a file of ours, which a build cannot import",
}  # fmt: skip
SOURCES = sorted([ROOT / "hatch_build.py", *ROOT.glob("benchmarks/*.py"),
                  *ROOT.glob("src/**/*.py")])  # fmt: skip


def called(node: ast.expr) -> str:
    """The dotted name of what is called; empty if it has none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := called(node.value)):
        return f"{before}.{node.attr}"
    return ""


def is_true(call: ast.Call, keyword: str) -> bool:
    """Whether a call says `keyword=True`."""
    return any(
        k.arg == keyword and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in call.keywords
    )


def dangers(text: str) -> Iterator[str]:
    """The calls in a source text that may run what they are given."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield from (
                name for one in node.names if (name := f"{node.module}.{one.name}") in NEVER
            )
        if isinstance(node, ast.ClassDef):
            yield from (name for base in node.bases if (name := called(base)) in NEVER)
        if not isinstance(node, ast.Call):
            continue
        name = called(node.func)
        safe = name == "torch.load" and is_true(node, "weights_only")
        if name in NEVER and not safe:
            yield name
        for keyword in ("shell", "allow_pickle"):
            if any(one.arg == keyword for one in node.keywords):
                said = next(one.value for one in node.keywords if one.arg == keyword)
                if not (isinstance(said, ast.Constant) and said.value is False):
                    yield f"{keyword}="


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("torch.load(f)", ["torch.load"]),
        ("torch.load(f, weights_only=False)", ["torch.load"]),
        ("torch.load(f, weights_only=True)", []),
        ("from pickle import loads", ["pickle.loads"]),
        ("class U(pickle.Unpickler): pass", ["pickle.Unpickler"]),
        ("subprocess.run(c, shell=True)", ["shell="]),
        ("subprocess.run(c, shell=False)", []),
        ("np.load(f)", []),  # unpickles nothing, unless told
        ("np.load(f, allow_pickle=flag)", ["allow_pickle="]),
        ("model.eval(); re.compile('a')", []),
        ("eval(text)", ["eval"]),
    ],
)
def test_the_check_itself(text: str, found: list[str]) -> None:
    assert list(dangers(text)) == found


def test_no_source_runs_what_it_reads() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), danger)
        for path in SOURCES
        for danger in dangers(path.read_text())
    }
    assert found == set(JUSTIFIED)


def pins() -> dict[str, str]:
    """The versions of constraints.txt, by canonical name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    stated = [one for one in lines if one and not one.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", one) for one in stated)  # and no local version
    return {canonicalize_name(name): v for name, v in (one.split("==") for one in stated)}


def closure() -> dict[str, str]:
    """What `make` installs for our extras: the version that is here, by canonical name."""
    found: dict[str, str] = {}
    waiting = [Requirement(f"passband[{','.join(EXTRAS)}]")]
    while waiting:
        wanted = waiting.pop()
        for needed in map(Requirement, distribution(wanted.name).requires or ()):
            name = canonicalize_name(needed.name)
            if name in found or not applies(needed, wanted.extras):
                continue
            found[name] = distribution(name).version
            waiting.append(needed)
    return found


def applies(needed: Requirement, extras: set[str]) -> bool:
    """Whether a requirement counts on this machine, for one of the extras or for none."""
    marker = needed.marker
    return marker is None or any(marker.evaluate({"extra": one}) for one in ("", *extras))


def test_everything_that_is_installed_is_pinned() -> None:
    """Versions are compared without what an index adds to them, such as torch's `+cpu`."""
    pinned = pins()
    installed = {name: Version(version).public for name, version in closure().items()}
    assert installed == {name: pinned.get(name, "not pinned") for name in installed}


def test_everything_that_is_pinned_takes_the_oldest_python() -> None:
    """Its first release: distributions keep theirs for years, and pip installs no pin beside it."""
    stated = {name: distribution(name).metadata["Requires-Python"] for name in closure()}
    oldest = distribution("passband").metadata["Requires-Python"].removeprefix(">=") + ".0"
    refused = {name: one for name, one in stated.items() if one and oldest not in SpecifierSet(one)}
    assert refused == {}
