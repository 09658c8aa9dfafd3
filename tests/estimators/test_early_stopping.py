"""When training ends, and with which weights."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from series import waves
from torch.nn.functional import cross_entropy

from passband.estimators import BandFCNClassifier

X, Y = waves(cases=40)
HELD = np.arange(40) >= 32  # the last fifth of each class
CLASSES = torch.tensor(Y == "wave").long()


def losses(said: str) -> list[float]:
    """On the validation part after each epoch, of what is printed."""
    return [float(one) for one in re.findall(r"validation part (\S+)", said)]


def test_it_ends_some_epochs_after_the_lowest_loss(capsys: pytest.CaptureFixture[str]) -> None:
    classifier = BandFCNClassifier(
        epochs=60, learning_rate=0.03, early_stopping=True, validation_fraction=0.2,
        n_iter_no_change=4, random_state=0, verbose=True,
    ).fit(X, Y)  # fmt: skip
    said = losses(capsys.readouterr().out)
    assert classifier.n_epochs_ == [len(said)]
    assert len(said) < 60
    assert len(said) - 1 - said.index(min(said)) >= 4
    with torch.no_grad():
        logits = classifier.networks_[0](torch.tensor(X[HELD])[:, None])
    assert float(cross_entropy(logits, CLASSES[HELD])) == pytest.approx(min(said), rel=1e-3)


def test_what_is_held_out_is_not_trained_on() -> None:
    """Of one epoch the last weights are the best, so nothing but the cases makes a difference."""
    brief = BandFCNClassifier(epochs=1, validation_fraction=0.2, random_state=0)
    wanted = brief.fit(X[~HELD], Y[~HELD]).predict_proba(X)
    found = brief.set_params(early_stopping=True).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(found, wanted)


def test_a_class_of_one_case_cannot_be_split() -> None:
    names = np.where(np.arange(40) == 3, "rare", Y)
    said = r"each class needs two cases or more; y has one of \['rare'\]"
    with pytest.raises(ValueError, match=said):
        BandFCNClassifier(early_stopping=True).fit(X, names)
