"""What the classifiers do with series, beside what scikit-learn checks."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from series import Floats, waves
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import passband as pb
from passband.estimators import BandFCNClassifier, BandInceptionTimeClassifier

X, Y = waves()


def fcn(**given: Any) -> BandFCNClassifier:
    return BandFCNClassifier(**{"epochs": 2, "random_state": 0, **given})


def ask(classifier: BandFCNClassifier, series: Floats = X) -> Floats:
    return classifier.predict_proba(series)


def test_it_learns() -> None:
    classifier = fcn(epochs=10).fit(X, Y)
    series, labels = waves(cases=40, seed=1)
    assert list(classifier.classes_) == ["noise", "wave"]
    assert classifier.score(series, labels) > 0.9


def test_probabilities_are_the_mean_of_the_networks() -> None:
    classifier = fcn(n_estimators=3).fit(X, Y)
    with torch.no_grad():
        logits = [network(torch.tensor(X)[:, None]) for network in classifier.networks_]
    each = [one.double().softmax(1).numpy() for one in logits]
    assert not np.allclose(each[0], each[1], atol=1e-3)
    np.testing.assert_allclose(ask(classifier), np.mean(each, axis=0), rtol=1e-5)
    np.testing.assert_array_equal(
        classifier.predict(X) == "wave", np.mean(each, axis=0)[:, 1] > 0.5
    )


def test_inception_has_five_networks() -> None:
    classifier = BandInceptionTimeClassifier(epochs=1, random_state=0).fit(X[:6], Y[:6])
    assert len(classifier.networks_) == 5
    assert all(
        type(one.block1) is type(classifier.networks_[0].block1) for one in classifier.networks_
    )


@pytest.mark.parametrize("keep", [0.25, 0.5])
def test_convolutions_keep_a_band(keep: float) -> None:
    classifier = fcn(keep=keep).fit(X, Y)
    network = classifier.networks_[0]
    found = [one for one in network.modules() if isinstance(one, pb.nn.BandConv1d)]
    assert [one.band for one in found] == [pb.Band(keep=keep)] * 3
    report = pb.report(network, torch.tensor(X[:2])[:, None])
    assert classifier.keep_measured_ == report.keep_measured


def test_without_a_band_convolutions_are_pytorchs() -> None:
    plain, all_kept = fcn(keep=None).fit(X, Y), fcn(keep=1).fit(X, Y)
    found = [one for one in plain.networks_[0].modules() if isinstance(one, nn.Conv1d)]
    assert [type(one) for one in found] == [nn.Conv1d] * 3
    assert plain.keep_measured_ is None
    assert all_kept.keep_measured_ == 1
    np.testing.assert_array_equal(ask(plain), ask(all_kept))


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, object])
def test_numbers_of_other_types_are_the_same_numbers(dtype: type) -> None:
    whole = X.round()
    wanted = ask(fcn().fit(whole, Y), whole)
    np.testing.assert_array_equal(
        ask(fcn().fit(whole.astype(dtype), Y), whole.astype(dtype)), wanted
    )


def test_one_channel_may_be_an_axis() -> None:
    np.testing.assert_array_equal(ask(fcn().fit(X[:, None], Y), X[:, None]), ask(fcn().fit(X, Y)))


def test_channels_are_told_apart() -> None:
    """Noise in the first channel; which class it is, the second alone says."""
    series = np.stack([waves(seed=2)[0][::-1], X], axis=1)
    classifier = fcn(epochs=10).fit(series, Y)
    assert classifier.networks_[0].conv1.in_channels == 2
    assert classifier.score(series, Y) > 0.9


def test_numbers_of_numpy_are_taken_as_parameters() -> None:
    given = {"epochs": np.int64(2), "batch_size": np.int32(16), "random_state": np.int64(0)}
    shares = {"keep": np.float32(0.5), "learning_rate": np.float64(1e-3)}
    np.testing.assert_array_equal(ask(fcn(**given, **shares).fit(X, Y)), ask(fcn().fit(X, Y)))


def test_pickled_it_says_the_same() -> None:
    classifier = fcn(n_estimators=2).fit(X, Y)
    np.testing.assert_array_equal(ask(pickle.loads(pickle.dumps(classifier))), ask(classifier))


def test_it_has_a_place_in_searches() -> None:
    series, labels = waves(cases=60)
    pipeline = make_pipeline(StandardScaler(), fcn(epochs=15, learning_rate=0.01))
    assert cross_val_score(pipeline, series, labels, cv=2).min() > 0.8
    keeps = {"bandfcnclassifier__keep": [None, 0.5]}
    search = GridSearchCV(pipeline, keeps, cv=2).fit(series, labels)
    assert set(search.predict(series)) == {"noise", "wave"}
    assert [one["bandfcnclassifier__keep"] for one in search.cv_results_["params"]] == [None, 0.5]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"keep": 0}, ValueError, "keep == 0, must be > 0"),
        ({"keep": 1.5}, ValueError, "keep == 1.5, must be <= 1"),
        ({"keep": "0.5"}, TypeError, "keep must be an instance of float"),
        ({"epochs": 0}, ValueError, "epochs == 0, must be >= 1"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an instance of int"),
        ({"n_estimators": 0}, ValueError, "n_estimators == 0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate == 0.0, must be > 0"),
        ({"learning_rate": np.inf}, ValueError, "learning_rate == inf, must be < inf"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate is nan; it must be a number"),
        ({"keep": np.nan}, ValueError, "keep is nan; it must be a number"),
        ({"early_stopping": "yes"}, TypeError, "early_stopping must be an instance of .*bool"),
        ({"early_stopping": None}, TypeError, "early_stopping must be an instance of .*bool"),
        ({"verbose": "no"}, TypeError, "verbose must be an instance of .*bool"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction == 1.0, must be < 1"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change == 0"),
    ],
)
def test_what_is_no_parameter_is_refused(
    given: dict[str, Any], error: type[Exception], said: str
) -> None:
    classifier = fcn(**given)
    with pytest.raises(error, match=said):
        classifier.fit(X, Y)
    with pytest.raises(NotFittedError):
        classifier.predict(X)


@pytest.mark.parametrize(
    ("series", "said"),
    [
        (X[:, None, None], r"time points\), none of them 0; got \(24, 1, 1, 16\)"),
        (X[:, None, :0], r"none of them 0; got \(24, 1, 0\)"),
        (np.where(X > 2, np.nan, X), "Input X contains NaN"),
        (np.where(X > 2, np.inf, X), "Input X contains infinity"),
    ],
)
def test_what_is_no_series_is_refused(series: Floats, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fcn().fit(series, Y)


PAIRS = np.stack([X, X], axis=1)


@pytest.mark.parametrize(
    ("fitted", "asked", "said"),
    [
        (PAIRS, PAIRS[:, :, 1:], r"shape \(24, 2, 15\); .* was fitted on \(cases, 2, 16\)"),
        (PAIRS, X[:, :2], r"shape \(24, 2\); .* was fitted on \(cases, 2, 16\)"),
        (X, PAIRS, r"shape \(24, 2, 16\); .* was fitted on \(cases, 16\)"),
        (X[:, None], X, r"shape \(24, 16\); .* was fitted on \(cases, 1, 16\)"),
        (X, X[:, 1:], "X has 15 features, but BandFCNClassifier is expecting 16"),  # scikit-learn's
    ],
)
def test_series_of_another_shape_are_refused(fitted: Floats, asked: Floats, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fcn(epochs=1).fit(fitted, Y).predict(asked)


@pytest.mark.parametrize("axis", [(), (None,)])
@pytest.mark.parametrize("boxed", [False, True])
def test_series_of_unequal_lengths_are_refused(axis: tuple[None, ...], boxed: bool) -> None:
    ragged: Any = [one[(*axis, slice(9 + number % 3, None))] for number, one in enumerate(X)]
    if boxed:
        boxes = np.empty(len(ragged), dtype=object)
        boxes[:] = ragged
        ragged = boxes
    said = "all series need one length; X has series of 5 to 7 time points"
    with pytest.raises(ValueError, match=said):
        fcn().fit(ragged, Y)
    with pytest.raises(ValueError, match=said):
        fcn(epochs=1).fit(X, Y).predict(ragged)


def test_channels_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="X has series of 12 to 16 time points"):
        fcn().fit([[one, one[4:]] for one in X], Y)


def test_series_in_a_list_are_the_same_numbers() -> None:
    np.testing.assert_array_equal(ask(fcn().fit(list(X), Y)), ask(fcn().fit(X, Y)))


def test_one_class_is_refused() -> None:
    classifier = fcn()
    with pytest.raises(ValueError, match="y has 1 class, 'wave'; at least 2 are needed"):
        classifier.fit(X[1::2], Y[1::2])
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def test_a_loss_that_is_not_finite_is_told() -> None:
    with pytest.raises(ValueError, match="loss of network 1 is nan in epoch 1: scale the series"):
        fcn(learning_rate=1e30).fit(X, Y)
