import numpy as np
import pytest
import torch

from passband.lab.data import load, whole

datasets = pytest.importorskip("sklearn.datasets")


def test_the_split_holds_every_digit_once_and_is_stratified() -> None:
    data = load("digits")
    assert (data.num_classes, data.in_channels, data.space) == (10, 1, (8, 8))
    train, test = (torch.bincount(whole(part)[1]).tolist() for part in (data.train, data.test))
    # UCI's documentation of optdigits: how many of each digit its test set, all of this, has
    assert np.add(train, test).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert train == [142, 145, 141, 146, 144, 145, 144, 143, 139, 144]
    rows = [image.numpy().tobytes() for part in (data.train, data.test) for image in whole(part)[0]]
    assert len(set(rows)) == 1797


def test_the_pixels_are_those_of_the_package_up_to_one_affine_map() -> None:
    data = load("digits")
    raw = datasets.load_digits()
    zeros = raw.images[raw.target == 0]
    targets = whole(data.train)[1]
    standardised = whole(data.train)[0][targets == 0].squeeze(1)
    scale = (zeros[0].max() - zeros[0].min()) / (standardised[0].max() - standardised[0].min())
    shift = zeros[0].min() - scale * standardised[0].min()
    np.testing.assert_allclose(standardised * scale + shift, zeros[:142], atol=1e-4)
    assert abs(float(whole(data.train)[0].mean())) < 1e-6
    assert abs(float(whole(data.train)[0].std(correction=0)) - 1) < 1e-6


def test_no_seed_changes_the_split() -> None:
    torch.manual_seed(1)
    first = load("digits")
    torch.manual_seed(2)
    second = load("digits")
    for a, b in ((first.train, second.train), (first.test, second.test)):
        assert all(torch.equal(x, y) for x, y in zip(whole(a), whole(b), strict=True))
