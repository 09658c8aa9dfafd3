import errno
import os
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from passband.lab import results, table
from passband.lab.results import Row

HEADER = "study,data,model,variant,seed,epoch,keep,keep_measured,metric,value\n"
GOOD = "rates,digits,lenet5,band,1,2,0.5,0.4375,test_accuracy,0.875\n"


def row(
    metric: str = "test_accuracy",
    value: float = 0.875,
    *,
    seed: int = 1,
    epoch: int | None = 2,
    keep: float | None = 0.5,
) -> Row:
    variant, measured = ("plain", None) if keep is None else ("band", 0.4375)
    return Row("rates", "digits", "lenet5", variant, seed, epoch, keep, measured, metric, value)


def test_the_file_is_plain_tidy_csv(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    results.append(path, [row()])
    results.append(path, [row("saved_bytes", 2.0**40 + 1, epoch=None, keep=None)])
    saved = "rates,digits,lenet5,plain,1,,,,saved_bytes,1099511627777\n"
    assert path.read_text() == HEADER + GOOD + saved


def test_beta_is_a_column_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    spectral = replace(row(), variant="spec", keep=None, keep_measured=None, beta=0.75)
    results.append(path, [row()])
    results.append(path, [spectral])
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER.strip() + ",beta"
    assert lines[1] == GOOD.strip() + ","
    assert lines[2].endswith("0.875,0.75")
    assert results.read(path) == [row(), spectral]
    other = replace(spectral, beta=1.0, value=0.5)
    assert [s.mean for s in results.summarise([spectral, other])] == [0.875, 0.5]


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, 3.0, -0.0, float("inf"), 123456789.125])
def test_values_come_back_bit_for_bit(tmp_path: Path, value: float) -> None:
    results.write(tmp_path / "results.csv", [row(value=value)])
    assert results.read(tmp_path / "results.csv") == [row(value=value)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "line 1"),
        ("study,data\n", "study,data"),
        (HEADER.replace("value", "number"), "number"),
        (HEADER + GOOD[:-4], "no end"),  # the kill came in the middle of 0.875
        (HEADER + GOOD + "rates,digits\n", "2 fields"),
        (HEADER + GOOD.replace("0.875", "many"), "many"),
        (HEADER + GOOD.replace(",1,2,", ",one,2,"), "one"),
        (HEADER + GOOD.replace(",1,2,", ",1,2.5,"), "2.5"),
        (HEADER + GOOD.replace("0.5,", "half,"), "half"),
        (HEADER + GOOD.replace("\n", ",more\n"), "11 fields"),
        (HEADER + "\n", "0 fields"),
    ],
)
def test_damage_is_told_and_nothing_is_added(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"results\.csv is damaged") as caught:
        results.append(path, [row()])
    assert told in str(caught.value)
    assert path.read_text() == content


def test_a_file_that_is_not_text_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"results\.csv is damaged"):
        results.read(path)


def test_a_full_disk_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    results.append(path, [row()])
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(OSError, match=r"results\.csv") as caught:
            results.append(path, [row(seed=2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["results.csv"]  # noqa: PTH208


def test_summaries_agree_with_numpy() -> None:
    generator = np.random.default_rng(0)
    values = generator.random((3, 4))  # seeds, epochs
    rows = [
        row("train_loss", float(values[seed, epoch]), seed=seed, epoch=epoch + 1)
        for seed in range(3)
        for epoch in range(4)
    ]
    (summary,) = results.summarise(rows)
    assert summary.n == 3
    assert summary.mean == pytest.approx(values[:, -1].mean(), rel=1e-12)
    assert summary.std == pytest.approx(values[:, -1].std(ddof=1), rel=1e-12)


def test_one_seed_has_no_spread() -> None:
    (summary,) = results.summarise([row()])
    assert (summary.mean, summary.std, summary.n) == (0.875, None, 1)


def test_a_diverged_run_stays_visible() -> None:
    (summary,) = results.summarise([row(value=float("nan")), row(seed=2)])
    assert np.isnan(summary.mean)
    assert summary.std is None


def test_the_short_table_has_what_was_measured() -> None:
    rows = [
        row("test_accuracy", 0.90, seed=0, keep=None),
        row("test_accuracy", 0.92, seed=1, keep=None),
        row("saved_bytes", 3 * 2**20, epoch=None, keep=None),
        row("test_accuracy", 0.80, seed=0),
        row("saved_bytes", 1.5 * 2**20, epoch=None),
    ]
    assert table.tables(rows) == {
        ("digits", "lenet5"): [
            ("keep", "measured", "seeds", "accuracy %", "saved MiB", "÷ plain"),
            ("plain", "", "2", "91.0 ± 1.4", "3.00", "1.00"),
            ("0.5", "0.438", "1", "80.0", "1.50", "0.50"),
        ]
    }
