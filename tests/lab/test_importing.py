"""Objects by import path."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passband.lab.importing import load_object

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module into the current directory."""
    monkeypatch.chdir(tmp_path)

    def module(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return module


def test_a_file_in_the_current_directory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])  # as a console script has it
    before = sys.path.copy()
    write("mine_helper", "value = 3")
    name = write("mine_here", "import mine_helper\nvalue = mine_helper.value + 1")
    assert load_object(f"{name}:value") == 4
    assert sys.path == before


def test_it_leaves_the_path_alone_whatever_happens(write: Write) -> None:
    before = sys.path.copy()
    name = write("mine_paths", "import sys\nsys.path.append('elsewhere')\nvalue = 1")
    load_object(f"{name}:value")
    assert sys.path == before
    name = write("mine_raising", "1 / 0")
    with pytest.raises(ZeroDivisionError):
        load_object(f"{name}:value")
    assert sys.path == before


def test_a_module_of_a_package() -> None:
    assert load_object("collections.abc:Mapping").__module__ == "collections.abc"


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (None, TypeError, "an import path is a str, package.module:name; got None"),
        ("mynet", ValueError, "is package.module:name; got 'mynet'"),
        ("mynet:", ValueError, "is package.module:name; got 'mynet:'"),
        (":Net", ValueError, "is package.module:name; got ':Net'"),
        ("my-net:Net", ValueError, "is package.module:name; got 'my-net:Net'"),
        ("mynet.py:Net", ImportError, "there is no module mynet in .*pip install mynet"),
        ("a:b:c", ValueError, "is package.module:name; got 'a:b:c'"),
        ("math:tauu", ValueError, "module 'math' has no 'tauu'; did you mean 'tau'?"),
        (
            "zzz_none:Net",
            ImportError,
            "no module zzz_none in .*and none is installed .*pip install zzz_none",
        ),
    ],
)
def test_errors(path: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        load_object(path)


def test_what_a_module_imports_is_missing(write: Write) -> None:
    name = write("mine_wanting", "import zzz_none.inner")
    with pytest.raises(ImportError, match=r"it imports zzz_none, which .*pip install zzz_none"):
        load_object(f"{name}:value")


@pytest.mark.parametrize("text", ["raise RuntimeError('no nms')", "raise ImportError('no nms')"])
def test_a_module_that_does_not_import(write: Write, text: str) -> None:
    name = write("mine_broken", text)
    with pytest.raises(ImportError, match=r"mine_broken does not import \(no nms\); if it is a "):
        load_object(f"{name}:value")
