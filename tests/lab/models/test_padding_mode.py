"""Circular padding of LeNet-5's first convolution."""

from typing import Any

import numpy as np
import torch
from torch import nn

from passband.lab.models import create_model


def test_lenet5_sees_the_image_again_around_it() -> None:
    model = create_model("lenet5", num_classes=3, in_channels=2, padding_mode="circular").double()
    x = torch.randn(2, 2, 28, 28, dtype=torch.float64)
    conv1 = model.get_submodule("conv1")
    assert isinstance(conv1, nn.Conv2d)
    around: Any = np.pad(x.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="wrap")
    view: Any = np.lib.stride_tricks.sliding_window_view
    windows = view(around, (5, 5), (2, 3))
    expected = np.einsum("ncyxij,fcij->nfyx", windows, conv1.weight.detach().numpy())
    found = conv1(x) - conv1.bias[:, None, None]  # type: ignore[index]
    np.testing.assert_allclose(found.detach().numpy(), expected)


def test_the_smallest_image_that_it_goes_around_once() -> None:
    sizes = {"num_classes": 2, "in_channels": 1}
    model = create_model("lenet5", **sizes, image_size=11, padding_mode="circular")
    assert model(torch.zeros(1, 1, 11, 11)).shape == (1, 2)
