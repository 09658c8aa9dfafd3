import pytest
import torch

from passband.lab.data import whole
from passband.lab.data.images import prepared, split_by_class
from passband.lab.data.labeled import Part


def test_the_split_takes_the_first_four_fifths_of_each_class_in_file_order() -> None:
    labels = torch.tensor([7, 3, 7, 7, 3, 7, 7, 3, 3, 3])
    images = torch.arange(10.0).reshape(10, 1, 1, 1)
    train, test = split_by_class(images, labels)
    assert train.maps.flatten().tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
    assert train.labels == ["7", "3", "7", "7", "3", "7", "3", "3"]
    assert test.maps.flatten().tolist() == [6, 9]
    assert test.labels == ["7", "3"]


def test_each_channel_is_standardised_by_the_training_set_alone() -> None:
    # channel 0 of the training set: mean 0.25, deviation 0.25; channel 1: 0.5 and 0.5
    train = torch.tensor([[[[0.0, 0.5]], [[0.0, 1.0]]]])
    test = torch.tensor([[[[1.0, 0.25]], [[1.0, 0.5]]]])
    data = prepared("x", Part(train, ["a"]), Part(test, ["a"]))
    torch.testing.assert_close(whole(data.train)[0], torch.tensor([[[[-1.0, 1]], [[-1, 1]]]]))
    torch.testing.assert_close(whole(data.test)[0], torch.tensor([[[[3.0, 0]], [[1, 0]]]]))


def test_bytes_are_scaled_to_the_unit_interval_and_classes_keep_a_given_order() -> None:
    maps = torch.tensor([[[[0, 51, 255]]], [[[255, 0, 0]]]], dtype=torch.uint8)
    data = prepared("x", Part(maps, ["b", "a"]), Part(maps[:1], ["b"]), "unit", ["b", "a", "c"])
    assert whole(data.train)[0][0].tolist() == [[[0, pytest.approx(0.2), 1]]]
    assert whole(data.train)[1].tolist() == [0, 1]
    assert data.classes == ("b", "a", "c")


def test_a_channel_without_contrast_is_not_divided_by_nothing() -> None:
    flat = torch.full((2, 1, 2, 2), 0.5)
    data = prepared("x", Part(flat, ["a", "b"]), Part(flat + 0.25, ["a", "b"]))
    assert whole(data.train)[0].unique().tolist() == [0]
    assert whole(data.test)[0].unique().tolist() == [0.25]
