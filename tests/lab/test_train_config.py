from typing import Any

import pytest

from passband.lab.config import TrainConfig
from passband.lab.studies import RatesConfig


def config(**given: Any) -> TrainConfig:
    return TrainConfig.recommended("digits", "lenet5", "out", **given)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"keep": 0.0}, ValueError, r"keep lies in \(0, 1\]; got 0.0"),
        ({"keep": 1.5}, ValueError, "got 1.5"),
        ({"keep": -0.1}, ValueError, "got -0.1"),
        ({"keep": float("nan")}, ValueError, "got nan"),
        ({"keep": "0.5"}, TypeError, "got '0.5'"),
        ({"keep": True}, TypeError, "got True"),
        ({"epochs": 0}, ValueError, "epochs is at least 1; got 0"),
        ({"epochs": 2.5}, TypeError, "epochs is a whole number; got 2.5"),
        ({"batch_size": -4}, ValueError, "batch_size is at least 1; got -4"),
        ({"batch_size": True}, TypeError, "got True"),
        ({"seed": -1}, ValueError, "seed is at least 0 and at most 4294967295; got -1"),
        ({"seed": 2**32}, ValueError, "seed is .* at most 4294967295; got 4294967296"),
        ({"num_nodes": 0}, ValueError, "num_nodes is at least 1; got 0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate is finite and above 0; got 0.0"),
        ({"learning_rate": float("inf")}, ValueError, "got inf"),
        ({"learning_rate": "fast"}, TypeError, "got 'fast'"),
        ({"weight_decay": -1.0}, ValueError, "weight_decay is finite and at least 0; got -1.0"),
        ({"optimizer": "sdg"}, ValueError, "optimizer is one of .*; got 'sdg'"),
        ({"schedule": "linear"}, ValueError, "schedule is one of .*; got 'linear'"),
        ({"plan": "fastest"}, ValueError, "plan is one of .*; got 'fastest'"),
        ({"momentum": 1.0}, ValueError, "momentum is at least 0 and below 1; got 1.0"),
        ({"momentum": "0.9"}, TypeError, "momentum is a number; got '0.9'"),
        (
            {"momentum": 0.8, "optimizer": "adam"},
            ValueError,
            "of optimizer 'sgd'; got 0.8 and 'adam'",
        ),
        ({"patience": 3}, ValueError, "patience is of schedule 'plateau'; got 3 and 'cosine'"),
        ({"factor": 0.5}, ValueError, "factor is of schedule 'plateau'; got 0.5 and 'cosine'"),
        ({"devices": 0}, ValueError, "devices is .*; got 0"),
        ({"devices": "two"}, ValueError, "devices is .*; got 'two'"),
    ],
)
def test_bad_values_are_told(given: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        config(**given)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"beta": -0.1}, ValueError, "beta is finite and at least 0; got -0.1"),
        ({"beta": "1"}, TypeError, "beta is a number; got '1'"),
        ({"density": 0.0}, ValueError, r"density lies in \(0, 1\]; got 0.0"),
        ({"density": 1.5}, ValueError, "got 1.5"),
        ({"density": float("nan")}, ValueError, "got nan"),
        ({"density": True}, TypeError, r"density is a number in \(0, 1\] or None; got True"),
        ({"beta_epochs": -1}, ValueError, "beta_epochs is at least 0; got -1"),
        ({"beta_epochs": 1.0}, TypeError, "beta_epochs is a whole number; got 1.0"),
        ({"beta": 0.5, "density": 0.1}, ValueError, "beta or by density; got beta 0.5 and density"),
        ({"beta_epochs": 2, "density": 0.1}, ValueError, "beta_epochs 2 and density 0.1"),
        ({"epochs": 3, "beta_epochs": 3}, ValueError, "beta is reached; got 3 of 3"),
        ({"keep": 0.5}, ValueError, "'spec_lenet5' is spectral: .* got keep 0.5, .* beta or dens"),
        ({"model": "lenet5", "beta": 0.5}, ValueError, "'lenet5' has no thresholds: beta .* 0.5"),
        ({"model": "mynet:Net", "beta": 0.5}, ValueError, "'mynet:Net' has no thresholds: beta"),
        ({"model": "lenet5", "beta": 0.0}, ValueError, "'lenet5' has no thresholds: beta .* 0.0"),
        ({"model": "lenet5", "density": 0.5}, ValueError, "no thresholds: density is for spectral"),
        ({"model": "lenet5", "beta_epochs": 1}, ValueError, "no thresholds: beta_epochs .* got 1"),
        ({"model": "lenet5", "store": "int8"}, ValueError, "no thresholds: store .* got 'int8'"),
        ({"store": "half"}, ValueError, "store is one of exact, bfloat16, int8; got 'half'"),
    ],
)
def test_bad_thresholds_are_told(given: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        TrainConfig.recommended("digits", out="out", **{"model": "spec_lenet5", **given})


def test_thresholds_of_a_spectral_model() -> None:
    run = TrainConfig.recommended("digits", "spec_lenet5", "out", beta=0.0, beta_epochs=2)
    assert (run.variant, run.spectral, run.beta, run.density) == ("spec", True, 0.0, None)
    assert config(keep=0.5).variant == "band"
    assert not config().spectral


def test_networks_that_are_compared_learn_at_one_rate() -> None:
    for name in ("vgg16", "spec_vgg16", "spec_vgg16_bn"):
        assert TrainConfig.recommended("mnist-5k", name, "out").learning_rate == 3e-4


def test_a_papers_recipe() -> None:
    run = TrainConfig.recommended("digits", "spec_vgg16", "out", recipe="specnet", epochs=3)
    assert (run.optimizer, run.batch_size, run.learning_rate) == ("sgd", 64, 0.1)
    assert (run.momentum, run.schedule, run.epochs) == (0.95, "halving", 3)
    icml = TrainConfig.recommended("digits", "resnet18", "out", recipe="icml")
    assert (icml.epochs, icml.batch_size, icml.learning_rate) == (350, 32, 0.01)
    assert (icml.momentum, icml.weight_decay) == (0.9, 5e-4)
    with pytest.raises(ValueError, match="recipe is one of specnet, icml, icml-series; got 'vgg'"):
        config(recipe="vgg")


@pytest.mark.parametrize("name", ["data", "model", "out"])
def test_names_are_needed(name: str) -> None:
    names: dict[str, Any] = {"data": "digits", "model": "fcn", "out": "run", name: ""}
    with pytest.raises(ValueError, match=f"{name} is a non-empty text; got ''"):
        TrainConfig.recommended(**names)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"keep": (None, 2.0)}, ValueError, "got 2.0"),
        ({"keep": ("all",)}, TypeError, "got 'all'"),
        ({"seeds": 0}, ValueError, "seeds is at least 1; got 0"),
        ({"repeats": -1}, ValueError, "repeats is at least 0; got -1"),
        ({"base": ()}, ValueError, "got none"),
        ({"base": (config(), config())}, ValueError, "once; got .*'digits', 'lenet5'"),
    ],
)
def test_bad_studies_are_told(given: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        RatesConfig(**{"out": "run", "base": (config(),), **given})


def test_a_study_always_has_the_plain_model_once() -> None:
    study = RatesConfig(out="run", base=(config(),), keep=(1, 0.5, 0.5, None))
    assert study.keep == (None, 1.0, 0.5)


def test_what_the_user_gives_beats_the_recipe() -> None:
    recipe = TrainConfig.recommended("ucr:GunPoint", "fcn", "run")
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size) == ("adam", 1e-3, 16)
    assert TrainConfig.recommended("ucr:GunPoint", "fcn", "run", batch_size=8).batch_size == 8
    assert TrainConfig.recommended("ucr:GunPoint", "unheard", "run").variant == "plain"
