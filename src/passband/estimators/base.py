"""What the classifiers share: scikit-learn's interface around networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    check_scalar,
    validate_data,
)
from torch import nn
from torch.utils.data import TensorDataset

from passband.estimators.series import as_maps, check_one_length
from passband.estimators.training import Training, one_thread, probabilities, train
from passband.lab.data.split import tails
from passband.lab.recipes import Recipe


class BandClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """One or several networks with band-limited convolutions, trained on labelled time series.

    Series `X` are array-likes `(cases, time points)` or `(cases, channels, time points)`, all of
    one length and without missing values, of any real dtype; networks compute in float32. They are
    taken as they are, without scaling. Labels `y` are `(cases,)`, numbers or strings.

    Args:
        keep: share of the frequencies that each convolution keeps, in (0, 1]; None leaves the
            convolutions plain.
        n_estimators: networks, which differ in their initial weights and the order of cases; the
            classifier takes the mean of their probabilities.
        epochs: passes over the training set.
        batch_size: cases in a step of the optimiser, Adam.
        learning_rate: of the first step; it falls to zero along a cosine.
        early_stopping: whether to hold out a validation part and to stop when its loss no longer
            falls. Each network then has the weights of the lowest.
        validation_fraction: share of each class that is held out, if so: the last cases of the
            class in the order of `X`, at least one, and one less than all.
        n_iter_no_change: epochs without a lower loss on the validation part that end training.
        n_jobs: processes that train networks side by side, one thread each; -1 takes all
            processors, None one (or what `joblib.parallel_config` says). It changes no result.
        random_state: seeds initial weights and the order of cases. With an int, results are the
            same to the bit on one machine, whatever PyTorch's own seed and number of threads, and
            those are left as they are. The first network is that of the laboratory with this seed.
        verbose: whether to print the loss of each epoch.

    Attributes:
        classes_: labels of the classes, sorted.
        networks_: the trained networks, `torch.nn.Module`, in eval mode on the CPU: from float32
            `(cases, channels, time points)` to logits `(cases, classes)`.
        n_epochs_: how many epochs each network was trained for.
        keep_measured_: share that the convolutions really keep, after rounding to whole
            frequencies; None if they are plain.
        n_channels_: of each case.
        n_timepoints_: the length of the series.
        n_features_in_: the length of the second axis of `X`, as scikit-learn has it.
    """

    def __init__(
        self,
        *,
        keep: float | None = 0.5,
        n_estimators: int = 1,
        epochs: int = 60,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.keep = keep
        self.n_estimators = n_estimators
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Trains the networks anew.

        Args:
            X: series.
            y: their labels.

        Raises:
            TypeError, ValueError: a parameter, `X` or `y` is of the wrong type, shape or range;
                there are fewer than two classes, or, with early stopping, a class of one case; or
                the loss is no longer finite.
        """
        self._check_parameters()
        check_one_length(X)
        series, labels = validate_data(self, X, y, allow_nd=True, dtype=np.float32)
        maps = as_maps(series)
        check_classification_targets(labels)
        classes, indices, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(classes) < 2:
            raise ValueError(f"y has 1 class, {classes.item()!r}; at least 2 are needed")
        if self.early_stopping and counts.min() < 2:
            raise ValueError(
                "to hold out a validation part, each class needs two cases or more; y has one of "
                f"{classes[counts < 2].tolist()}"
            )
        cases = TensorDataset(maps, torch.from_numpy(indices))
        training = self._training(cases, len(classes), maps.shape[1])
        seeds = _seeds(self.random_state, self.n_estimators)
        found = Parallel(n_jobs=self.n_jobs if len(seeds) > 1 else 1)(
            delayed(train)(training, seed, number) for number, seed in enumerate(seeds, 1)
        )
        self.classes_ = classes
        self.n_channels_, self.n_timepoints_ = maps.shape[1:]
        self._shape = series.shape[1:]  # of a case: two axes, or one
        self.networks_ = [one.network for one in found]
        self.n_epochs_ = [one.epochs for one in found]
        self.keep_measured_ = found[0].keep_measured
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Probabilities of the classes, float32 `(cases, classes)`, in the order of `classes_`.

        Args:
            X: series.

        Raises:
            sklearn.exceptions.NotFittedError: `fit` was not called.
            ValueError: series of another shape than in `fit`, or with missing values.
        """
        check_is_fitted(self, "networks_")
        maps = as_maps(self._like_fitted(X))
        with one_thread():
            each = torch.stack([probabilities(network, maps) for network in self.networks_])
            return each.mean(0).numpy()

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each case, `(cases,)`; see `predict_proba`."""
        found = self.predict_proba(X).argmax(1)
        return self.classes_[found]  # type: ignore[no-any-return]

    @staticmethod
    @abstractmethod
    def _network(classes: int, channels: int) -> nn.Module:
        """With fresh weights, for series of so many channels."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _check_parameters(self) -> None:
        for name in ("early_stopping", "verbose"):
            check_scalar(getattr(self, name), name, (bool, np.bool_))
        for name in ("keep", "learning_rate", "validation_fraction"):
            if getattr(self, name) != getattr(self, name):  # no bound holds for it
                raise ValueError(f"{name} is nan; it must be a number")
        if self.keep is not None:
            check_scalar(self.keep, "keep", Real, min_val=0, max_val=1, include_boundaries="right")
        for name in ("n_estimators", "epochs", "batch_size", "n_iter_no_change"):
            check_scalar(getattr(self, name), name, Integral, min_val=1)
        check_scalar(
            self.learning_rate, "learning_rate", Real, min_val=0, max_val=np.inf,
            include_boundaries="neither",
        )  # fmt: skip
        check_scalar(
            self.validation_fraction, "validation_fraction", Real, min_val=0, max_val=1,
            include_boundaries="neither",
        )  # fmt: skip

    def _like_fitted(self, X: ArrayLike) -> NDArray[np.float32]:
        """Series of the shape of those in `fit`."""
        check_one_length(X)
        series = check_array(X, allow_nd=True, dtype=np.float32, estimator=self, input_name="X")
        flat = series.ndim == 2 and len(self._shape) == 1
        if series.shape[1:] != self._shape and not flat:
            wanted = ", ".join(map(str, self._shape))
            raise ValueError(
                f"X has the shape {series.shape}; {type(self).__name__} was fitted on "
                f"(cases, {wanted})"
            )
        validate_data(self, X, reset=False, skip_check_array=True)  # of tables, columns and names
        return series  # type: ignore[no-any-return]

    def _training(self, cases: TensorDataset, classes: int, channels: int) -> Training:
        validation = None
        if self.early_stopping:
            maps, labels = cases.tensors
            heads, ends = tails(labels, float(self.validation_fraction))
            cases = TensorDataset(maps[heads], labels[heads])
            validation = TensorDataset(maps[ends], labels[ends])
        recipe = Recipe(int(self.epochs), int(self.batch_size), float(self.learning_rate))
        keep = None if self.keep is None else float(self.keep)
        build = partial(self._network, classes, channels)
        patience, verbose = int(self.n_iter_no_change), bool(self.verbose)
        return Training(build, keep, cases, validation, recipe, patience, verbose)


def _seeds(random_state: int | np.random.RandomState | None, count: int) -> list[int]:
    """One for each network; an int is itself the first."""
    drawn = check_random_state(random_state).randint(np.iinfo(np.int32).max, size=count)
    seeds = [int(seed) for seed in drawn]
    return [int(random_state), *seeds[1:]] if isinstance(random_state, Integral) else seeds
