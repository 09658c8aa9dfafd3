import re
from pathlib import Path

import pytest

from passband.lab.data import load

DELIMITED = [
    ("empty", b"", "no series"),
    ("only blank lines", b"\n \n", "no series"),
    ("a word for a number", b"1\t2\t3\n2\tabc\t4\n", ", line 2: could not convert .*'abc'"),
    ("a header", b"label,t0,t1\n1,2,3\n", ", line 1: could not convert .*'label'"),
    ("a blank line within", b"1,2,3\n\n2,3,4\n", ", line 2: an empty line"),
    ("an empty field", b"1,2,3\n2,,4\n", ", line 2: could not convert .*''"),
    ("an empty field", b"1\t2\t3\n2\t\t4\n", ", line 2: could not convert .*''"),
    ("cut short", b"1,2,3,4\n2,3", ", line 2: 1 values where line 1 has 3: .* cut short"),
    ("unequal lengths", b"1,2\n2,3,4\n", ", line 2: 2 values where line 1 has 1: .* unequal"),
    ("labels alone", b"1\n2\n", ", line 1: a series without values"),
    ("padded with NaN", b"1,2,3\n2,3,NaN\n", ", line 2: NaN or infinity"),
    ("infinite", b"1,2,inf\n", ", line 1: NaN or infinity"),
    ("beyond float32", b"1,2,3\n2,1e39,1\n", ", line 2: NaN or infinity"),
    ("label NaN", b"1,2,3\nnan,3,4\n", ", line 2: the class is nan"),
    ("binary", b"\x93NUMPY\x01\x00\xff\xfe", "cannot be read as text"),
]

HEADER = b"@problemName Toy\n@timeStamps false\n@univariate true\n@equalLength true\n"
CLASSES = b"@classLabel true 1 2\n@data\n"
TS = [
    ("empty", b"", "no series"),
    ("a header alone", HEADER + CLASSES, "no series"),
    ("cut within the header", HEADER, "no series"),
    ("a tag without value", b"@equalLength\n@data\n", "not a sound .ts file: .*@equallength"),
    ("classes without names", b"@classLabel true\n@data\n", "not a sound .ts file"),
    ("a tag cut short", b"@problemName\n", "not a sound .ts file"),
    ("a word for a number", HEADER + CLASSES + b"1,x:1\n", "not a sound .ts file: .*'x'"),
    ("cut short", HEADER + CLASSES + b"1,2,3:1\n4,5", "not a sound .ts file: .*case 2"),
    ("first label missing", HEADER + CLASSES + b"1,2,3", ", series 1: no class label"),
    ("shorter", HEADER + CLASSES + b"1,2,3:1\n4,5:2\n", "not a sound .ts file: .*case 2"),
    ("label cut short", HEADER + CLASSES + b"1,2:1\n1,2:\n", ", series 2: class '', declared"),
    ("undeclared class", HEADER + CLASSES + b"1,2:7\n", r", series 1: class '7', .*\['1', '2'\]"),
    ("missing value", HEADER + CLASSES + b"1,2:1\n1,?:1\n", ", series 2: NaN or infinity"),
    (
        "unequal lengths",
        HEADER.replace(b"@equalLength true", b"@equalLength false") + CLASSES + b"1,2:1\n1:2\n",
        ", series 2: 1 values where series 1 has 2: .* unequal length",
    ),
    (
        "time stamps",
        HEADER.replace(b"@timeStamps false", b"@timeStamps true") + CLASSES + b"(0,1.5):1\n",
        "time stamps cannot be used",
    ),
    ("regression", HEADER + b"@targetLabel true\n@data\n1,2:0.5\n", "no class labels"),
    ("no classes", HEADER + b"@classLabel false\n@data\n1,2\n", "no class labels"),
    ("binary", b"\x93NUMPY\x01\x00\xff\xfe", "not a sound .ts file"),
]


@pytest.mark.parametrize(
    ("ending", "content", "message"),
    [
        pytest.param(ending, content, message, id=f"{ending}: {case}")
        for ending, table in ((".tsv", DELIMITED), (".ts", TS))
        for case, content, message in table
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, ending: str, content: bytes, message: str
) -> None:
    if ending == ".ts":
        pytest.importorskip("aeon.datasets")
    folder = tmp_path / "Toy"
    folder.mkdir()
    (folder / f"Toy_TEST{ending}").write_bytes(content)
    (folder / "Toy_TRAIN.tsv").write_text("1\t2\t3\n2\t3\t4\n")
    path = re.escape(str(folder / f"Toy_TEST{ending}"))
    with pytest.raises(ValueError, match=f"^{path}.*{message}"):
        load("ucr:Toy", root=tmp_path)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("1,2,3\n5,2,3\n", r"ucr:Toy: the test set has classes \['5'\]"),
        ("1,2,3,4\n", r"training maps have .* \(1, 2\), test maps \(1, 3\)"),
    ],
)
def test_parts_that_do_not_belong_together(tmp_path: Path, test: str, message: str) -> None:
    folder = tmp_path / "Toy"
    folder.mkdir()
    (folder / "Toy_TRAIN.csv").write_text("1,2,3\n2,3,4\n")
    (folder / "Toy_TEST.csv").write_text(test)
    with pytest.raises(ValueError, match=message):
        load("ucr:Toy", root=tmp_path)
