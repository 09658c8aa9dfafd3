import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from passband.lab import data, models, results
from passband.lab.config import TrainConfig
from passband.lab.data import first
from passband.lab.results import Row
from passband.lab.studies import RatesConfig, rates, task
from passband.lab.studies import rates as study_function
from passband.lab.studies.cross import CrossConfig
from passband.lab.training import train

module = sys.modules[study_function.__module__]
TIMED = {"step_seconds", "step_ratio"}


def study(out: Path, **given: Any) -> RatesConfig:
    base = TrainConfig.recommended(
        "digits",
        "lenet5",
        str(out),
        epochs=1,
        batch_size=128,
        learning_rate=3e-3,
        accelerator="cpu",
    )
    return RatesConfig(
        **{"out": str(out), "base": (base,), "keep": (1.0, 0.25), "repeats": 2, **given}
    )


def untimed(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.metric not in TIMED]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    rates(study(out))
    return out


def test_the_table_has_each_measurement_once(finished: Path) -> None:
    with (finished / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "study", "data", "model", "variant", "seed", "epoch", "keep", "keep_measured",
        "metric", "value",
    ]  # fmt: skip
    found = [(row["variant"], row["keep"], row["seed"], row["metric"]) for row in rows]
    assert sorted(found) == sorted(
        (variant, keep, seed, metric)
        for variant, keep in (("plain", ""), ("band", "1"), ("band", "0.25"))
        for seed in "01"
        for metric in (
            "train_loss", "test_accuracy", "saved_bytes", "step_seconds", "step_ratio",
        )
    )  # fmt: skip
    assert {row["study"] for row in rows} == {"rates"}
    assert {row["keep_measured"] for row in rows if row["variant"] == "plain"} == {""}


def value(rows: list[Row], metric: str, keep: float | None, seed: int = 0) -> float:
    (found,) = (r.value for r in rows if (r.metric, r.keep, r.seed) == (metric, keep, seed))
    return found


def test_plain_and_keep_one_agree(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for seed in (0, 1):
        plain = value(rows, "test_accuracy", None, seed)
        assert value(rows, "test_accuracy", 1.0, seed) == pytest.approx(plain, abs=0.02)
        assert value(rows, "step_ratio", None, seed) == 1
    assert value(rows, "saved_bytes", 1.0) == value(rows, "saved_bytes", None)


def test_measured_keep_and_bytes_are_those_of_the_library(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    maps, labels = (part.clone() for part in data.load("digits").train[:128])
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    report = pb.convert_(model, pb.Band(keep=0.25), example=maps)
    assert {r.keep_measured for r in rows if r.keep == 0.25} == {report.keep_measured}
    saved = pb.memory.saved(lambda: torch.nn.functional.cross_entropy(model(maps), labels))
    assert value(rows, "saved_bytes", 0.25) == saved.total


def test_plain_bytes_are_those_of_the_formula(finished: Path) -> None:
    # LeNet-5 centres an 8x8 image in 32x32: conv 28, pool 14, conv 10, pool 5.
    floats = 8 * 8 + 6 * 28 * 28 + 6 * 14 * 14 + 16 * 10 * 10 + 16 * 5 * 5 + 120 + 84 + 10
    indices = 6 * 14 * 14 + 16 * 5 * 5 + 1  # of the two poolings, and the labels; int64
    rows = results.read(finished / "results.csv")
    assert value(rows, "saved_bytes", None) == 128 * (4 * floats + 8 * indices) + 4


def test_every_run_has_its_directory(finished: Path) -> None:
    runs = {path.name for path in (finished / "runs").iterdir()}
    assert runs == {
        f"digits-lenet5-{name}-seed{seed}"
        for name in ("plain", "keep1.0", "keep0.25")
        for seed in (0, 1)
    }
    for path in (finished / "runs").iterdir():
        assert (path / "last.ckpt").exists()


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    for place, name in ((task, "train"), (module, "costs")):
        monkeypatch.setattr(place, name, lambda *a, **k: pytest.fail("was repeated"))
    seen: list[float] = []
    rows = rates(study(finished), lambda done, doing: seen.append(done))
    assert len(rows) == 30
    assert seen[-1] == 1
    assert (finished / "results.csv").read_bytes() == before


@pytest.mark.parametrize("finished_runs", [0, 3, 4])
def test_a_stopped_study_goes_on(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_runs: int
) -> None:
    real, runs = train, finished_runs
    begun: list[str] = []

    def stops(run: TrainConfig, **given: Any) -> Any:
        begun.append(run.out)
        if len(begun) > runs:
            raise KeyboardInterrupt
        return real(run, **given)

    monkeypatch.setattr(task, "train", stops)
    with pytest.raises(KeyboardInterrupt):
        rates(study(tmp_path))
    first = set(begun[:-1])
    begun.clear()
    runs = 6  # no more stops
    rows = rates(study(tmp_path))
    assert len(begun) == 6 - finished_runs
    assert not first & set(begun)
    assert untimed(rows) == untimed(results.read(finished / "results.csv"))


def test_a_study_killed_at_any_moment_ends_with_the_same_table(
    finished: Path, tmp_path: Path
) -> None:
    words = [
        "study", "rates", "--data", "digits", "--model", "lenet5", "--keep", "1", ".25",
        "--epochs", "1", "--batch-size", "128", "--lr", "3e-3",
        "--accelerator", "cpu", "--out", str(tmp_path),
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "passband", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if (tmp_path / "results.csv").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait()
    assert 0 < len(results.read(tmp_path / "results.csv")) < 30
    rows = rates(study(tmp_path, repeats=15))
    assert untimed(rows) == untimed(results.read(finished / "results.csv"))
    assert len(rows) == 30


@pytest.mark.parametrize(
    ("given", "told"),
    [({"keep": (0.5,)}, "keep"), ({"seeds": 1}, "seeds is 2 there and 1 here")],
)
def test_another_studys_directory_is_refused(
    finished: Path, given: dict[str, Any], told: str
) -> None:
    before = (finished / "config.yaml").read_bytes()
    with pytest.raises(FileExistsError, match=told):
        rates(study(finished, **given))
    assert (finished / "config.yaml").read_bytes() == before


def test_a_study_goes_on_with_as_many_processes_as_it_began(finished: Path) -> None:
    (base,) = study(finished).base
    two = replace(base, devices=2, strategy="ddp")
    with pytest.raises(FileExistsError, match=r"processes\[0\] is 1 there and 2 here"):
        rates(study(finished, base=(two,)))


def test_a_damaged_table_stops_the_study(finished: Path, tmp_path: Path) -> None:
    rates_of = study(tmp_path, seeds=1, keep=())
    rates(rates_of)
    whole = (tmp_path / "results.csv").read_bytes()
    (tmp_path / "results.csv").write_bytes(whole[:-3])
    with pytest.raises(ValueError, match=r"results\.csv is damaged"):
        rates(rates_of)
    assert (tmp_path / "results.csv").read_bytes() == whole[:-3]


def test_an_unknown_model_is_found_before_the_first_training(tmp_path: Path) -> None:
    bad = TrainConfig.recommended("digits", "lenet7", "x", epochs=1)
    good = study(tmp_path).base[0]
    with pytest.raises(ValueError, match="unknown model 'lenet7'"):
        rates(study(tmp_path / "new", base=(good, bad)))
    assert not (tmp_path / "new").exists()


def test_a_policy_leaves_plain_plain_and_stands_alone_beside_bands(tmp_path: Path) -> None:
    base = replace(study(tmp_path).base[0], memory="exact")
    found = rates(study(tmp_path, base=(base,), keep=(0.25,), seeds=1, repeats=0))
    held = {(row.variant, row.keep): row.value for row in found if row.metric == "saved_bytes"}
    maps, labels = first(data.load("digits").train, 128)
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)

    def saved() -> int:
        return pb.memory.saved(lambda: torch.nn.functional.cross_entropy(model(maps), labels)).total

    wanted: dict[tuple[str, float | None], float] = {("plain", None): saved()}
    pb.convert_(model, None, memory=pb.MemoryPolicy.exact())
    wanted["exact, no band", None] = saved()
    pb.convert_(model, pb.Band(keep=0.25), memory=pb.MemoryPolicy.exact())
    wanted["band", 0.25] = saved()
    assert held == wanted
    accuracy = {row.variant: row.value for row in found if row.metric == "test_accuracy"}
    assert accuracy["exact, no band"] == pytest.approx(accuracy["plain"], abs=0.02)


def test_seeds_may_be_added(finished: Path, tmp_path: Path) -> None:
    rates(study(tmp_path, seeds=1))
    rows = rates(study(tmp_path, seeds=2))
    wanted = untimed(results.read(finished / "results.csv"))
    assert untimed(rows) == wanted
    with pytest.raises(FileExistsError, match="seeds is 2 there and 1 here"):
        rates(study(tmp_path, seeds=1))


def test_other_studies_take_no_policy(tmp_path: Path) -> None:
    base = replace(study(tmp_path).base[0], memory="exact")
    with pytest.raises(ValueError, match="study cross takes no memory policy"):
        CrossConfig(out=str(tmp_path), base=(base,))
