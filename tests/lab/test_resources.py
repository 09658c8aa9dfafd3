import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from digits_run import config
from passband.lab import models, report, results
from passband.lab.results import Row
from passband.lab.studies.resources import RESOURCES, ResourcesConfig, resources

module = sys.modules[resources.__module__]


def study(out: Path, **given: Any) -> ResourcesConfig:
    told = {"out": str(out), "base": (config(out),), "keep": (0.25,), "batches": (2, 4),
            "sizes": (28, 32), "repeats": 1}  # fmt: skip
    return ResourcesConfig(**{**told, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    resources(study(out))
    return out


def values(rows: list[Row], metric: str) -> dict[tuple[str, float | None, float | None], float]:
    return {(r.variant, r.keep, r.at): r.value for r in rows if r.metric == metric}


def test_the_table_has_every_size_batch_and_way(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for metric in ("saved_bytes", "peak_bytes", "step_ratio", "relative_memory", "relative_time"):
        assert set(values(rows, metric)) == {
            (f"{way}/{side}", keep, batch)
            for way, keep in (("plain", None), ("fft", 1.0), ("fft", 0.25), ("band", 0.25))
            for side in (28, 32)
            for batch in (2, 4)
        }
    assert values(rows, "relative_memory")["fft/28", 1.0, 4] == 1
    assert values(rows, "step_ratio")["plain/32", None, 2] == 1


def loss(model: nn.Module, maps: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(maps), labels)


def test_bytes_are_those_of_the_network_on_such_maps(finished: Path) -> None:
    found = values(results.read(finished / "results.csv"), "saved_bytes")
    for side in (28, 32):
        for keep in (None, 0.25):
            model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=side)
            maps, labels = torch.randn(4, 1, side, side), torch.zeros(4, dtype=torch.int64)
            if keep is not None:
                pb.convert_(model, pb.Band(keep=keep))
            forward = partial(loss, model, maps, labels)
            held = pb.memory.saved(forward)
            way = "plain" if keep is None else "band"
            assert found[f"{way}/{side}", keep, 4] == pytest.approx(held.total, rel=0.03)


def test_the_papers_transforms_are_of_powers_of_two(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    (mine,) = {r.keep_measured for r in rows if r.keep == 0.25 and r.variant == "fft/32"}
    model = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=32)
    band = pb.Band(keep=0.25, fft_size="reference")
    told = pb.convert_(model, band, example=torch.zeros(1, 1, 32, 32))
    assert mine == pytest.approx(told.keep_measured)


def test_a_stopped_study_goes_on_where_it_was(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = module.interleaved, [0]

    def second_fails(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(module, "interleaved", second_fails)
    told = study(tmp_path, sizes=(28,))
    with pytest.raises(KeyboardInterrupt):
        resources(told)
    before = results.read(tmp_path / "results.csv")
    rows = resources(told)
    assert calls[0] == 3  # what was measured, was not again
    assert rows[: len(before)] == before
    whole = [r for r in results.read(finished / "results.csv") if r.variant.endswith("/28")]
    assert [(r.variant, r.keep, r.at, r.metric) for r in rows] == [
        (r.variant, r.keep, r.at, r.metric) for r in whole
    ]
    bytes_of = [[r.value for r in one if r.metric == "saved_bytes"] for one in (rows, whole)]
    assert bytes_of[0] == bytes_of[1]


def test_its_table_and_figures_are_of_the_rows(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    ((_, (heading, *lines)),) = RESOURCES.tables(rows).items()
    assert len(lines) == 16
    assert lines[0][: heading.index("measured")] == ("28", "2", "plain", "")
    report.build(finished)
    assert len(list((finished / "figures").iterdir())) == 5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"batches": ()}, "batches are one or more"),
        ({"sizes": (0,)}, r"sizes\[0\] is at least 1; got 0"),
        ({"keep": ()}, "beside plain"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)
