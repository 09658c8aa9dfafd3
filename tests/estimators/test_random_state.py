"""Results depend on the random state and on nothing else."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from series import Floats, waves

from passband.estimators import BandFCNClassifier, BandInceptionTimeClassifier
from passband.estimators.base import BandClassifier
from passband.lab import data
from passband.lab.checkpoint import FILE_NAME
from passband.lab.config import TrainConfig
from passband.lab.recipes import Recipe, recipe_for
from passband.lab.training import train

X, Y = waves()


def answers(*, random_state: int | np.random.RandomState = 7, jobs: int | None = None) -> Floats:
    classifier = BandFCNClassifier(n_estimators=2, epochs=2, random_state=random_state, n_jobs=jobs)
    return classifier.fit(X, Y).predict_proba(X)


def test_pytorchs_seed_and_threads_neither_matter_nor_change() -> None:
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(threads)
        before = torch.get_rng_state()
        found.append(answers())
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_networks_side_by_side_are_the_same(backend: str) -> None:
    with joblib.parallel_config(backend):
        np.testing.assert_array_equal(answers(jobs=2), answers())


def test_another_state_gives_another_result() -> None:
    assert not np.array_equal(answers(random_state=8), answers())
    state = np.random.RandomState(7)
    first = answers(random_state=state)
    assert not np.array_equal(answers(random_state=state), first)
    np.testing.assert_array_equal(answers(random_state=np.random.RandomState(7)), first)


@pytest.mark.parametrize(
    ("model", "kind"),
    [("fcn", BandFCNClassifier), ("inceptiontime", BandInceptionTimeClassifier)],
)
def test_the_recipe_is_the_laboratorys(model: str, kind: type[BandClassifier]) -> None:
    wanted, found = recipe_for("ucr:GunPoint", model), kind()
    assert Recipe(found.epochs, found.batch_size, found.learning_rate) == wanted


@pytest.mark.parametrize(
    ("model", "estimator"),
    [
        ("fcn", BandFCNClassifier(keep=None, epochs=3, random_state=5)),
        ("fcn", BandFCNClassifier(keep=0.5, epochs=3, random_state=5)),
        ("inceptiontime", BandInceptionTimeClassifier(
            keep=0.25, n_estimators=2, epochs=1, random_state=5)),
    ],
)  # fmt: skip
def test_the_first_network_is_the_laboratorys(
    model: str, estimator: BandClassifier, tmp_path: Path
) -> None:
    run = TrainConfig.recommended(
        "ucr:ItalyPowerDemand", model, str(tmp_path), keep=estimator.keep, seed=5,
        epochs=estimator.epochs, accelerator="cpu",
    )  # fmt: skip
    accuracy = train(run).test_accuracy
    loaded = data.load(run.data)
    (series, labels), (tests, truth) = (data.whole(one) for one in (loaded.train, loaded.test))
    network = estimator.fit(series.numpy(), labels.numpy()).networks_[0]
    theirs = torch.load(tmp_path / FILE_NAME, weights_only=True)["model"]
    torch.testing.assert_close(network.state_dict(), theirs, rtol=0, atol=0)
    with torch.no_grad():
        right = (network(tests).argmax(1) == truth).double().mean()
    assert float(right) == pytest.approx(accuracy, rel=1e-6)
