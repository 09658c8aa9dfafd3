"""Spectral networks in the laboratory: their thresholds while they learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import weights
from passband.lab import data, models, results, thresholds
from passband.lab.callback import Callback
from passband.lab.config import TrainConfig
from passband.lab.data import whole
from passband.lab.loop import Loop
from passband.lab.training import Result, build, train


def config(out: Path, model: str = "spec_lenet5_bn", **given: Any) -> TrainConfig:
    settings = {"epochs": 4, "batch_size": 64, "learning_rate": 3e-3, "accelerator": "cpu"}
    return TrainConfig.recommended("digits", model, str(out), **{**settings, **given})


def betas(model: torch.nn.Module) -> list[float]:
    return [round(float(m.beta), 6) for m in model.modules() if isinstance(m, pb.nn.Threshold)]


class KilledError(Exception):
    """Ends a run in the middle of an epoch."""


class Kill(Callback):
    def __init__(self, epoch: int) -> None:
        self.epoch, self.batches = epoch, 4

    def on_step_end(self, loop: Loop) -> None:
        self.batches -= loop.epoch == self.epoch
        if not self.batches:
            raise KilledError


class Watch(Callback):
    """Thresholds at the end of each epoch."""

    def __init__(self) -> None:
        self.betas: list[list[float]] = []

    def on_epoch_end(self, loop: Loop) -> None:
        self.betas.append(betas(loop.model))


def resumed(run: TrainConfig, killed_in: int) -> Result:
    with pytest.raises(KilledError):
        train(run, callbacks=[Kill(killed_in)])
    return train(run, resume=True)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Watch]:
    watch = Watch()
    run = config(tmp_path_factory.mktemp("chosen"), density=0.2)
    return train(run, callbacks=[watch]), watch


def test_it_learns(chosen: tuple[Result, Watch]) -> None:
    result, _ = chosen
    assert result.train_loss[-1] < 0.5 * result.train_loss[0]
    assert result.test_accuracy > 0.5
    assert result.keep_measured is None


def test_thresholds_by_density_are_chosen_in_the_first_half(chosen: tuple[Result, Watch]) -> None:
    result, watch = chosen
    first, second, third, fourth = watch.betas
    assert first != second
    assert second == third == fourth
    assert 1.0 not in first  # the model's default
    assert result.density == pytest.approx(0.2, abs=0.05)


def test_the_density_is_that_of_the_last_checkpoint(chosen: tuple[Result, Watch]) -> None:
    result, watch = chosen
    model = models.create_model("spec_lenet5_bn", num_classes=10, in_channels=1, image_size=8)
    model.load_state_dict(weights(Path(result.config.out)))
    assert betas(model) == watch.betas[-1]
    maps = whole(data.load("digits").test)[0]
    assert thresholds.density(model.eval(), maps) == pytest.approx(result.density, rel=1e-5)
    each = pb.densities(model, maps)
    sizes = {"stage1": 6 * 33 * 33, "stage2": 16 * 19 * 19}  # half of them, each as often
    mean = sum(each[f"{key}.block{key[-1]}.threshold"] * n for key, n in sizes.items())
    assert result.density == pytest.approx(mean / sum(sizes.values()), rel=1e-3)


def test_rows_have_the_density_and_the_variant(chosen: tuple[Result, Watch]) -> None:
    result, _ = chosen
    rows = results.read(Path(result.config.out) / "results.csv")
    assert rows == result.rows()
    assert {row.variant for row in rows} == {"spec"}
    (density,) = (row for row in rows if row.metric == "density")
    assert (density.value, density.epoch, density.keep) == (result.density, 4, None)


@pytest.mark.parametrize("killed_in", [1, 3])
def test_a_killed_run_by_density_goes_on_as_if_nothing_had_been(
    chosen: tuple[Result, Watch], tmp_path: Path, killed_in: int
) -> None:
    run = replace(chosen[0].config, out=str(tmp_path))
    assert resumed(run, killed_in).rows() == chosen[0].rows()


def test_a_rising_threshold_is_a_function_of_the_epoch(tmp_path: Path) -> None:
    run = config(tmp_path / "whole", beta=0.8, beta_epochs=2)
    watch = Watch()
    whole = train(run, callbacks=[watch])
    assert watch.betas == [[beta, beta] for beta in (0.0, 0.4, 0.8, 0.8)]
    assert resumed(replace(run, out=str(tmp_path / "killed")), 1).rows() == whole.rows()


def test_without_a_beta_it_rises_to_the_models(tmp_path: Path) -> None:
    watch = Watch()
    run = config(tmp_path, model="spec_lenet5", epochs=2, beta_epochs=1)
    train(run, callbacks=[watch])
    assert watch.betas == [[0.0, 0.0], [0.5, 0.5]]


def test_a_given_beta_stays(tmp_path: Path) -> None:
    watch = Watch()
    result = train(config(tmp_path, epochs=1, beta=0.3), callbacks=[watch])
    assert watch.betas == [[0.3, 0.3]]
    assert result.density is not None
    assert 0.3 < result.density < 1


@pytest.mark.parametrize("store", [None, "bfloat16"])
def test_what_is_kept_is_held_as_the_run_says(tmp_path: Path, store: Any) -> None:
    run = config(tmp_path, model="spec_vgg16_bn", store=store)
    model, _ = build(run, data.load("digits"))
    blocks = [m for m in model.modules() if isinstance(m, pb.nn.SpecBlock2d)]
    assert {block.threshold.store for block in blocks} == {store or "exact"}


def test_a_plain_model_has_no_density(finished_run: Result) -> None:
    assert finished_run.density is None
    assert "density" not in {row.metric for row in finished_run.rows()}


def test_in_bfloat16_thresholds_are_chosen_too(tmp_path: Path) -> None:
    run = config(tmp_path, epochs=2, density=0.2, precision="bf16-mixed")
    result = train(run)
    assert result.density == pytest.approx(0.2, abs=0.08)
