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
        ({"devices": 0}, ValueError, "devices is .*; got 0"),
        ({"devices": "two"}, ValueError, "devices is .*; got 'two'"),
    ],
)
def test_bad_values_are_told(given: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        config(**given)


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
        ({"repeats": 0}, ValueError, "repeats is at least 1; got 0"),
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
