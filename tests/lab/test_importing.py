import math
import sys
from pathlib import Path

import pytest

from passband.lab.importing import load_object


def test_an_attribute_of_an_attribute() -> None:
    assert load_object("math:pi") is math.pi
    assert load_object("pathlib:Path.cwd") == Path.cwd


def test_a_module_in_the_current_directory_is_found_and_leaves_no_trace_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_things").mkdir()
    (tmp_path / "own_things" / "__init__.py").touch()
    (tmp_path / "own_things" / "deep.py").write_text("from own_helper import VALUE\n")
    (tmp_path / "own_helper.py").write_text("import sys\nVALUE = 5\nsys.path.append('/x')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in ("", ".")])
    before = list(sys.path)
    assert load_object("own_things.deep:VALUE") == 5
    assert sys.path == before
    for name in ("own_things", "own_things.deep", "own_helper"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("path", ["", "math", "math:", ":pi", "math:pi:e", "a b:c", "./x.py:f"])
def test_what_is_no_import_path(path: str) -> None:
    with pytest.raises(ValueError, match=r"has the form package.module:object; got '"):
        load_object(path)


def test_what_is_not_there() -> None:
    before = list(sys.path)
    with pytest.raises(
        ImportError, match=r"'no_such:x': module 'no_such' cannot be imported: No m"
    ):
        load_object("no_such:x")
    with pytest.raises(ImportError, match=r"'math:tauu': <module 'math'.* has no attribute 'tauu'"):
        load_object("math:tauu")
    assert sys.path == before
