"""Thresholds set, chosen from data, and what they keep."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.nn import SpecBlock2d, SpectralBatchNorm, Threshold, ToSpace, ToSpectrum
from spectra import F32, maps

BINS = (10 * 10 + 4) // 2
WIDTHS = {"1.threshold": 6, "2.threshold": 5, "3.threshold": 4}
N = 4


def network(norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    widths = [3, *WIDTHS.values()]
    blocks = [SpecBlock2d(i, o, 3, beta=0.25, norm=norm) for i, o in zip(widths, WIDTHS.values())]  # noqa: B905
    return nn.Sequential(ToSpectrum(2), *blocks, ToSpace())


def data(seed: int = 0) -> Tensor:
    return maps(N, 3, 8, 8, dtype=F32, seed=seed)


def betas(model: nn.Module) -> dict[str, float]:
    return {n: m.beta.item() for n, m in model.named_modules() if isinstance(m, Threshold)}


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, Tensor]) -> list[str]:
    return [n for n, value in model.state_dict().items() if not torch.equal(value, before[n])]


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("density", [0.05, 0.1, 1 / 3, 0.5, 0.9, 1.0])
def test_on_one_batch_the_density_is_reached_to_within_a_coefficient(
    density: float, norm: bool, training: bool
) -> None:
    model, x = network(norm).train(training), data()
    before = state(model)
    found = pb.calibrate_beta_(model, [x], density)
    assert found == betas(model)
    assert [*found] == [*WIDTHS]
    assert set(changed(model, before)) <= {f"{name}.beta" for name in WIDTHS}
    assert model.training == training
    assert hooks(model) == 0
    kept = pb.densities(model, x)
    assert [*kept] == [*WIDTHS]
    for name, share in kept.items():
        count = BINS * N * WIDTHS[name]
        assert abs(share * count - density * count) <= 1.5  # one, and the rounding of the wanted
    assert hooks(model) == 0
    assert set(changed(model, before)) <= {f"{name}.beta" for name in WIDTHS}


def test_densities_are_what_the_blocks_leave() -> None:
    model, x = network(), data()
    found = pb.densities(model, x)
    with torch.no_grad():
        s = model[0](x)
        for name in WIDTHS:
            s = model.get_submodule(name.split(".")[0])(s)
            assert found[name] == pytest.approx((s.values != 0).any(1).double().mean().item())


def test_the_threshold_is_the_magnitude_at_that_rank() -> None:
    model, x = network(), data()
    found = pb.calibrate_beta_(model, [x], 0.2)
    with torch.no_grad():
        before = model.get_submodule("1.conv")(model[0](x)).values
    magnitudes = torch.linalg.vector_norm(before, dim=1).flatten().sort(descending=True).values
    kept = round(0.2 * len(magnitudes))
    assert found["1.threshold"] == pytest.approx(magnitudes[kept - 1].item(), rel=1e-6)


def test_later_thresholds_see_what_earlier_ones_leave() -> None:
    model, x = network(), data()
    pb.set_beta_(model, 0.0)
    dense = pb.calibrate_beta_(model, [x], 0.3)
    with torch.no_grad():
        s = model.get_submodule("1")(model[0](x))
        second = model.get_submodule("2.conv")(s).values
    magnitudes = torch.linalg.vector_norm(second, dim=1).flatten().sort(descending=True).values
    kept = round(0.3 * len(magnitudes))
    assert dense["2.threshold"] == pytest.approx(magnitudes[kept - 1].item(), rel=1e-5)


def test_of_several_batches_the_first_threshold_is_the_mean() -> None:
    each = [pb.calibrate_beta_(network(), [data(seed)], 0.3)["1.threshold"] for seed in range(3)]
    model = network()
    found = pb.calibrate_beta_(model, [data(seed) for seed in range(3)], 0.3)
    assert found["1.threshold"] == pytest.approx(sum(each) / 3, rel=1e-6)
    kept = pb.densities(model, torch.cat([data(seed) for seed in range(3)]))
    assert all(abs(share - 0.3) < 0.05 for share in kept.values())


def test_batches_as_a_loader_yields_them() -> None:
    expected = pb.calibrate_beta_(network(), [data(0), data(1)], 0.4)
    x = torch.cat([data(0), data(1)])
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, torch.zeros(2 * N)), batch_size=N
    )
    assert pb.calibrate_beta_(network(), loader, 0.4) == expected
    batches: Iterable[object] = (batch for batch in [(data(0),), [data(1), None]])
    assert pb.calibrate_beta_(network(), batches, 0.4) == expected


def test_running_statistics_stay_in_training() -> None:
    model = network(norm=True).train()
    before = state(model)
    pb.calibrate_beta_(model, [data()], 0.3)
    pb.densities(model, data())
    for name in before:
        assert name.endswith("threshold.beta") or torch.equal(
            model.state_dict()[name], before[name]
        )
    assert all(
        m.num_batches_tracked == 0 for m in model.modules() if isinstance(m, SpectralBatchNorm)
    )


def test_a_threshold_alone_and_the_root_of_a_model() -> None:
    layer = Threshold(0.5)
    pb.set_beta_(layer, 0.25)
    assert layer.beta == 0.25
    pb.set_beta_(layer, {"": 1.5})
    assert layer.beta == 1.5
    block = SpecBlock2d(3, 4, 3, beta=0.5)
    pb.set_beta_(block, {"threshold": 1.0})
    assert betas(block) == {"threshold": 1.0}


def test_one_for_all_or_some_by_name() -> None:
    model = network()
    held = [m.beta for m in model.modules() if isinstance(m, Threshold)]
    pb.set_beta_(model, 2)
    assert betas(model) == dict.fromkeys(WIDTHS, 2.0)
    pb.set_beta_(model, {"2.threshold": 0.5, "3.threshold": torch.tensor(0.75)})  # type: ignore[dict-item]
    assert betas(model) == {"1.threshold": 2.0, "2.threshold": 0.5, "3.threshold": 0.75}
    pb.set_beta_(model, {})
    assert betas(model) == {"1.threshold": 2.0, "2.threshold": 0.5, "3.threshold": 0.75}
    for one, other in zip(
        held, (m for m in model.modules() if isinstance(m, Threshold)), strict=True
    ):
        assert one is other.beta  # in place: whoever holds the buffer has the new one


def test_a_state_dict_carries_thresholds() -> None:
    model, other, x = network(), network(), data()
    pb.calibrate_beta_(model, [x], 0.3)
    assert not torch.equal(model(x), other(x))
    assert other.load_state_dict(model.state_dict()).missing_keys == []
    assert betas(other) == betas(model)
    assert torch.equal(model(x), other(x))
    assert {f"{name}.beta" for name in WIDTHS} <= {*model.state_dict()}


def test_another_threshold_changes_what_is_held_and_trained() -> None:
    model, x = network(), data()
    sizes = []
    for beta in (0.0, 0.2, 0.6, 100.0):
        pb.set_beta_(model, beta)
        sizes.append(pb.memory.saved(lambda: model(x).sum()).total)
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4


WRONG_BETAS: dict[str, tuple[object, type[Exception], str]] = {
    "negative": (-0.5, ValueError, "-0.5"),
    "nan": (math.nan, ValueError, "nan"),
    "word": ("1", TypeError, "'1'"),
    "none": (None, TypeError, "None"),
    "true": (True, TypeError, "True"),
    "several": ([0.1, 0.2], TypeError, "0.1"),
    "two in a tensor": (torch.ones(2), ValueError, r"\(2,\)"),
    "unknown": ({"1.threshold": 0.1, "4.threshold": 0.1}, ValueError, "'4.threshold', only 1.thr"),
    "a block": ({"1": 0.1}, ValueError, "'1'"),
    "the second negative": ({"1.threshold": 0.1, "2.threshold": -1}, ValueError, "-1"),
    "the second a word": ({"1.threshold": 0.1, "2.threshold": "x"}, TypeError, "'x'"),
}


@pytest.mark.parametrize("case", WRONG_BETAS)
def test_wrong_thresholds_change_nothing(case: str) -> None:
    beta, error, message = WRONG_BETAS[case]
    model = network()
    before = state(model)
    with pytest.raises(error, match=message):
        pb.set_beta_(model, beta)  # type: ignore[arg-type]
    assert changed(model, before) == []


@pytest.mark.parametrize("beta", [-0.5, math.nan])
def test_wrong_thresholds_in_a_tensor_change_nothing(beta: float) -> None:
    model = network()
    with pytest.raises(ValueError, match="beta"):
        pb.set_beta_(model, torch.tensor(beta))  # type: ignore[arg-type]


NAN = torch.full((N, 3, 8, 8), math.nan)
WRONG_BATCHES: dict[str, tuple[list[object], type[Exception], str]] = {
    "none": ([], ValueError, "no batch"),
    "empty": ([torch.zeros(0, 3, 8, 8)], ValueError, "no batch"),
    "not finite": ([data(), NAN], ValueError, "'1.threshold' is not finite"),
    "a word": ([data(), "x"], TypeError, "'x'"),
    "a dict": ([{"x": data()}], TypeError, "x"),
    "an empty tuple": ([()], TypeError, r"\(\)"),
    "other channels": ([data(), data()[:, :2]], RuntimeError, "channels"),
}


@pytest.mark.parametrize("case", WRONG_BATCHES)
def test_after_wrong_batches_the_model_is_what_it_was(case: str) -> None:
    batches, error, message = WRONG_BATCHES[case]
    for norm in (False, True):
        model = network(norm).eval()
        before = state(model)
        with pytest.raises(error, match=message):
            pb.calibrate_beta_(model, batches, 0.3)
        assert changed(model, before) == []
        assert hooks(model) == 0


class InterruptingError(Exception):
    pass


def test_an_error_between_two_layers_leaves_nothing_changed() -> None:
    model = network(norm=True)
    before = state(model)

    def trouble(*given: object) -> None:
        raise InterruptingError

    handle = model.get_submodule("3.conv").register_forward_hook(trouble)
    with pytest.raises(InterruptingError):
        pb.calibrate_beta_(model, [data()], 0.3)
    with pytest.raises(InterruptingError):
        pb.densities(model, data())
    handle.remove()
    assert changed(model, before) == []
    assert hooks(model) == 0


@pytest.mark.parametrize("density", [0.0, -0.1, 1.1, math.nan])
def test_densities_out_of_range(density: float) -> None:
    model = network()
    before = state(model)
    with pytest.raises(ValueError, match=str(density)):
        pb.calibrate_beta_(model, [data()], density)
    assert changed(model, before) == []


def test_models_without_a_threshold_and_no_models() -> None:
    plain = nn.Sequential(ToSpectrum(), ToSpace())
    for call in (
        lambda m: pb.set_beta_(m, 1.0),
        lambda m: pb.calibrate_beta_(m, [data()], 0.5),
        lambda m: pb.densities(m, data()),
    ):
        with pytest.raises(ValueError, match=r"no passband\.nn\.Threshold"):
            call(plain)
        with pytest.raises(TypeError, match="Module"):
            call("model")


def test_a_threshold_that_no_batch_reaches_stays() -> None:
    model = network()
    model.add_module("spare", Threshold(0.125))

    class Without(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.spare = network(), Threshold(0.125)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.net(x)
            return y

    whole = Without()
    found = pb.calibrate_beta_(whole, [data()], 0.3)
    assert [*found] == [f"net.{name}" for name in WIDTHS]
    assert whole.spare.beta == 0.125


def test_one_tensor_is_no_batches() -> None:
    model = nn.Sequential(ToSpectrum(), SpecBlock2d(3, 4, 3, beta=0.5))
    with pytest.raises(TypeError, match=r"for instance \[x\]; got one of shape \(2, 3, 6, 6\)"):
        pb.calibrate_beta_(model, torch.randn(2, 3, 6, 6), 0.2)
