import numpy as np
import pytest
import torch

from passband.lab.models.blurpool import BlurPool2d


@pytest.mark.parametrize(("mode", "numpy_mode"), [("zeros", "reflect"), ("circular", "wrap")])
@pytest.mark.parametrize("space", [(6, 8), (5, 7), (2, 2)])
def test_it_is_a_binomial_filter_and_then_a_stride(
    mode: str, numpy_mode: str, space: tuple[int, int]
) -> None:
    x = torch.randn(2, 3, *space, dtype=torch.float64)
    pads = ((0, 0), (0, 0), (1, 1), (1, 1))
    y = np.pad(x.numpy(), pads, mode=numpy_mode)  # type: ignore[call-overload]
    y = (y[..., :-2, :] + 2 * y[..., 1:-1, :] + y[..., 2:, :]) / 4
    y = (y[..., :-2] + 2 * y[..., 1:-1] + y[..., 2:]) / 4
    np.testing.assert_allclose(BlurPool2d(mode)(x).numpy(), y[..., ::2, ::2])


def test_it_removes_the_highest_frequency_that_a_stride_would_take_for_the_mean() -> None:
    x = torch.ones(1, 1, 8, 8)
    x[..., 1::2] = -1
    assert torch.equal(x[..., ::2, ::2], torch.ones(1, 1, 4, 4))
    assert not BlurPool2d("circular")(x).any()


def test_it_has_no_parameter_and_follows_the_type_of_the_map() -> None:
    pool = BlurPool2d()
    assert not [*pool.parameters()]
    assert not pool.state_dict()
    assert pool(torch.ones(1, 2, 4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert repr(pool) == "BlurPool2d(padding_mode='reflect')"


def test_gradient() -> None:
    x = torch.randn(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(BlurPool2d(), x)


def test_no_such_padding() -> None:
    with pytest.raises(ValueError, match="padding_mode is one of zeros, circular; got 'same'"):
        BlurPool2d("same")
