"""Networks of spectra beside what PyTorch offers: autocast, copies, compilers, checkpoints."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import passband as pb
from passband.functional import to_spectrum
from passband.memory import saved
from passband.nn import SpecBlock1d, SpecBlock2d, ToSpace, ToSpectrum
from passband.packing.sparse import Store
from spectra import F32, F64, close, maps

STORES: tuple[Store, ...] = ("exact", "bfloat16", "int8")


def network(
    norm: bool = True, store: Store = "exact", *, dtype: torch.dtype = F64, bias: bool = True
) -> nn.Sequential:
    torch.manual_seed(0)
    widths = ((3, 6), (6, 5), (5, 4))
    blocks = [SpecBlock2d(i, o, 3, beta=0.3, norm=norm, store=store, bias=bias) for i, o in widths]
    return nn.Sequential(ToSpectrum(2), *blocks, ToSpace()).to(dtype)


def data(dtype: torch.dtype = F64) -> Tensor:
    return maps(4, 3, 6, 7, dtype=dtype)


def gradients(
    model: nn.Module, x: Tensor, run: Callable[[Tensor], Tensor] | None = None
) -> list[Tensor]:
    """Output, and gradients of input and parameters."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = (run or model)(x)
    cotangent = maps(*y.shape, seed=8).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, [x, *model.parameters()], cotangent)]


def assert_alike(found: list[Tensor], expected: list[Tensor], tolerance: float = 1e-12) -> None:
    """Relative to each, or to a hundredth of the largest where it is 0 but for rounding."""
    found, expected = ([t.double() for t in each] for each in (found, expected))
    largest = max(float(t.norm()) for t in expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= tolerance * (other.norm() + 0.01 * largest)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("store", STORES)
def test_under_autocast_gradients_are_those_of_float32_up_to_bfloat16(
    store: Store, norm: bool
) -> None:
    model = network(norm, store, dtype=F32, bias=not norm)  # which a norm would take off again

    def lower(x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            y: Tensor = model(x)
        return y

    found, expected = gradients(model, data(F32), lower), gradients(model, data(F32))
    assert found[0].dtype == torch.bfloat16
    assert [g.dtype for g in found[1:]] == [F32] * len(found[1:])
    assert_alike(found, expected, 0.08)


@pytest.mark.parametrize("norm", [False, True])
def test_under_autocast_a_network_learns(norm: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(network(norm, dtype=F32), nn.Flatten(), nn.Linear(4 * 6 * 7, 3))
    x, target = maps(12, 3, 6, 7, dtype=F32), torch.arange(12) % 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, F64])
def test_a_model_in_another_dtype(dtype: torch.dtype) -> None:
    model = network(dtype=F32, bias=False)
    expected = gradients(copy.deepcopy(model).double(), data())
    found = gradients(model.to(dtype), data(dtype))
    assert [t.dtype for t in found] == [dtype] * len(found)
    assert_alike(found, expected, 0.1 if dtype == torch.bfloat16 else 1e-6)


def test_maps_in_half_precision_need_a_model_in_float32_and_half_models_say_so() -> None:
    model = network(dtype=F32)
    found = gradients(model, data(torch.float16))
    assert found[0].dtype == F32
    assert_alike(found, gradients(model, data(torch.float16).float()), 1e-3)
    with pytest.raises(RuntimeError, match=r"same dtype; got torch\.float32 and torch\.float16"):
        model.half()(data(torch.float16))


def copies(model: nn.Module) -> dict[str, nn.Module]:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    fresh = network()
    pb.set_beta_(fresh, 9.0)
    fresh.load_state_dict(model.state_dict())
    safe = network()
    pb.set_beta_(safe, 9.0)
    safe.load_state_dict(safetensors.torch.load(safetensors.torch.save(model.state_dict())))
    return {
        "deepcopy": copy.deepcopy(model),
        "pickle": pickle.loads(pickle.dumps(model)),
        "torch.save": torch.load(file, weights_only=False),
        "state_dict": fresh,
        "safetensors": safe,
    }


def test_copies_of_every_kind_compute_the_same() -> None:
    model = network()
    model(data() + 1)  # running statistics that are not the first
    expected = gradients(copy.deepcopy(model).eval(), data())
    for name, other in copies(model).items():
        for one, wanted in zip(gradients(other.eval(), data()), expected, strict=True):
            assert torch.equal(one, wanted), name


def test_the_state_is_that_of_the_parts() -> None:
    assert [*network().state_dict()][:8] == [
        "1.conv.weight", "1.conv.bias", "1.norm.weight", "1.norm.bias", "1.norm.running_mean",
        "1.norm.running_var", "1.norm.num_batches_tracked", "1.threshold.beta",
    ]  # fmt: skip
    assert [*network(norm=False).state_dict()][:3] == [
        "1.conv.weight", "1.conv.bias", "1.threshold.beta",
    ]  # fmt: skip


def check_compiled() -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    block = SpecBlock2d(3, 4, 3, beta=0.3, norm=True)
    model = nn.Sequential(ToSpectrum(2), block, ToSpace()).double()
    compiled = copy.deepcopy(model)
    run = torch.compile(compiled, backend="aot_eager")
    assert_alike(gradients(compiled, data(), run), gradients(model, data()))


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_is_the_network() -> None:
    check_compiled()


# At a graph break Dynamo looks at the gradient of every intermediate result.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_compiled_without_a_warning_as_band_layers_are() -> None:
    check_compiled()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("norm", [False, True])
def test_activation_checkpoints_change_nothing(norm: bool, store: Store) -> None:
    model = network(norm, store)

    def by_blocks(x: Tensor) -> Tensor:
        s = model[0](x)
        for block in list(model)[1:-1]:
            s = checkpoint(block, s, use_reentrant=False)
        y: Tensor = model[-1](s)
        return y

    def whole(x: Tensor) -> Any:
        return checkpoint(model, x, use_reentrant=False)

    if norm:
        model.eval()  # in training the running statistics are updated twice, as PyTorch's are
    expected = gradients(model, data())
    for run in (by_blocks, whole):
        for one, other in zip(gradients(model, data(), run), expected, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("store", STORES)
def test_hooks_on_saved_tensors_may_move_and_copy_them(store: Store) -> None:
    model = network(True, store)
    expected = gradients(model, data())

    def on_cpu() -> Any:
        return torch.autograd.graph.save_on_cpu()

    def cloned() -> Any:
        return torch.autograd.graph.saved_tensors_hooks(torch.clone, torch.clone)

    def written() -> Any:
        def pack(t: Tensor) -> bytes:
            file = io.BytesIO()
            torch.save(t.detach(), file)
            return file.getvalue()

        return torch.autograd.graph.saved_tensors_hooks(pack, lambda b: torch.load(io.BytesIO(b)))

    for hooks in (on_cpu, cloned, written):

        def run(x: Tensor, hooks: Callable[[], Any] = hooks) -> Tensor:
            with hooks():
                y: Tensor = model(x)
            return y

        for one, other in zip(gradients(model, data(), run), expected, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("norm", [False, True])
def test_parameters_changed_before_backward_are_noticed(norm: bool) -> None:
    model = network(norm)
    # A bias is needed again only where the norm's input is computed again; a norm's bias nowhere.
    needed = ["conv.weight", *(["norm.weight", "conv.bias"] if norm else [])]
    for name, p in model.named_parameters():
        loss = model(data().requires_grad_()).square().sum()
        with torch.no_grad():
            p.mul_(2)
        if name.split(".", 1)[1] in needed:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                loss.backward()
        else:
            loss.backward()


def test_thresholds_and_statistics_changed_before_backward_do_no_harm() -> None:
    model = network().eval()
    expected = gradients(model, data())

    def run(x: Tensor) -> Tensor:
        y: Tensor = model(x)
        pb.set_beta_(model, 5.0)
        for name, buffer in model.named_buffers():
            if "running" in name:
                buffer.add_(1)
        return y

    for one, other in zip(gradients(model, data(), run), expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("store", STORES)
def test_backward_twice_adds_up_and_a_third_time_is_refused(store: Store) -> None:
    model, x = network(True, store), data().requires_grad_()
    loss = model(x).square().sum()
    loss.backward(retain_graph=True)
    once = [p.grad.clone() for p in (x, *model.parameters()) if p.grad is not None]
    loss.backward()
    for one, p in zip(once, (x, *model.parameters()), strict=True):
        assert p.grad is not None
        close(p.grad, 2 * one, 1e-13)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("norm", [False, True])
def test_an_empty_batch(norm: bool, store: Store) -> None:
    for dtype in (F32, F64):
        model = network(norm, store, dtype=dtype)
        x = torch.zeros(0, 3, 6, 7, dtype=dtype)
        if norm:
            with pytest.raises(ValueError, match="two values a channel"):
                model(x)
            model.eval()
        found = gradients(model, x)
        assert found[0].shape == (0, 4, 6, 7)
        assert found[1].shape == x.shape
        assert not any(g.any() for g in found[2:])


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("dtype", [F32, F64])
def test_a_threshold_that_drops_everything(store: Store, dtype: torch.dtype) -> None:
    model = network(False, store, dtype=dtype)
    pb.set_beta_(model, 1e9)
    assert not any(t.any() for t in gradients(model, data(dtype)))


def test_layouts_of_the_input_change_nothing() -> None:
    model = network()
    x = data()
    expected = gradients(model, x)
    last = x.to(memory_format=torch.channels_last)
    turned = x.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    for view in (last, turned):
        assert_alike(gradients(model, view), expected)
    sliced = torch.cat([x, x], 2)[:, :, :6].requires_grad_()
    (grad,) = torch.autograd.grad(model(sliced), sliced, maps(*expected[0].shape, seed=8))
    close(grad, expected[1])
    one = x[:1].clone().requires_grad_()
    expanded = copy.deepcopy(model).eval()
    (grad,) = torch.autograd.grad(expanded(one.expand(4, 3, 6, 7)).sum(), one)
    (other,) = torch.autograd.grad(expanded(one.repeat(4, 1, 1, 1)).sum(), one)
    close(grad, other)


def test_spectra_whose_values_have_gaps_in_memory() -> None:
    s = to_spectrum(data(F32), 1)
    turned = s.values.transpose(0, 3).contiguous().transpose(0, 3)
    block = SpecBlock2d(3, 4, 3, beta=0.3, norm=True)
    grads = []
    for values in (s.values, turned):
        given = values.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        y = block(pb.Spectrum(given, s.space, s.lengths)).values
        cotangent = maps(*y.shape, dtype=F32, seed=1)
        grads.append([y.detach(), *torch.autograd.grad(y, [given, *block.parameters()], cotangent)])
    assert_alike(grads[1], grads[0], 1e-5)


def test_on_the_meta_device_there_are_shapes() -> None:
    model = network().to("meta")
    with torch.no_grad():
        y = model(torch.zeros(2, 3, 6, 7, dtype=F64, device="meta"))
    assert (y.shape, y.device.type) == ((2, 4, 6, 7), "meta")


def test_a_model_on_the_meta_device_can_be_printed() -> None:
    assert "Threshold" in repr(network().to("meta"))


def test_memory_of_a_training_step_is_estimated_before_it() -> None:
    model = network(dtype=F32)
    found = pb.memory.estimate(model, data(F32))
    held = saved(lambda: model(data(F32)).square().mean()).total
    assert str(found).count("saved")
    assert found.saved == pytest.approx(held, rel=0.05)


TRANSFORMS: dict[str, Callable[[nn.Module, Tensor], object]] = {
    "grad": lambda m, x: torch.func.grad(lambda t: m(t).sum())(x),
    "vmap": lambda m, x: torch.func.vmap(m)(x[:, None]),
    "jvp": lambda m, x: torch.func.jvp(m, (x,), (x,)),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # by forward AD itself
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_of_functions_raise_and_are_never_wrong(transform: str) -> None:
    model = network(norm=False)
    with pytest.raises((RuntimeError, NotImplementedError), match=r"no function transforms|jvp"):
        TRANSFORMS[transform](model, data())


def test_weights_that_are_computed_from_others() -> None:
    model = network()
    for layer in model.modules():
        if isinstance(layer, pb.nn.SpecConv2d):
            nn.utils.parametrizations.weight_norm(layer)
    expected = gradients(network(), data())
    assert_alike(gradients(model, data())[:2], expected[:2])
    names = [n for n, _ in model.named_parameters()]
    x = data()[:2]

    def run(*parameters: Tensor) -> Any:
        return torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, [*model.parameters()], fast_mode=True)


def test_one_block_used_twice_adds_up() -> None:
    torch.manual_seed(0)
    block = SpecBlock2d(3, 3, 3, beta=0.3).double()
    shared = nn.Sequential(ToSpectrum(2), block, block, ToSpace())
    apart = nn.Sequential(ToSpectrum(2), block, copy.deepcopy(block), ToSpace())
    found, expected = gradients(shared, data()), gradients(apart, data())
    half = len(expected[2:]) // 2
    sums = [a + b for a, b in zip(expected[2 : 2 + half], expected[2 + half :], strict=True)]
    assert_alike(found, [*expected[:2], *sums])


def test_a_residual_of_spectra() -> None:
    torch.manual_seed(0)
    block = SpecBlock2d(3, 3, 3, beta=0.3, norm=True).double()
    x = maps(2, 3, 3, 2).requires_grad_()

    def run(t: Tensor) -> Tensor:
        s = to_spectrum(t, 1)
        for _ in range(2):
            s = s + block(s)
        return s.values

    assert torch.autograd.gradcheck(run, x, fast_mode=True)


def test_series() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        ToSpectrum(4), SpecBlock1d(3, 4, 5, beta=0.3, norm=True, dilation=2),
        SpecBlock1d(4, 4, 3, beta=0.3, groups=2, store="int8"), ToSpace(),
    )  # fmt: skip
    x = maps(2, 3, 31, dtype=F32)
    expected = gradients(copy.deepcopy(model).double(), x.double())
    assert_alike(gradients(model, x), expected, 0.02)


@pytest.mark.parametrize("policy", [pb.MemoryPolicy.exact(), pb.MemoryPolicy.bf16()], ids=str)
def test_beside_layers_with_a_memory_policy(policy: pb.MemoryPolicy) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), network(dtype=F32), nn.ReLU(),
        nn.Conv2d(4, 2, 3),
    )  # fmt: skip
    small = copy.deepcopy(plain)
    report = pb.convert_(small, None, memory=policy)
    assert "Spec" not in str(report.converted)
    tolerance = 1e-5 if policy == pb.MemoryPolicy.exact() else 0.1
    assert_alike(gradients(small, data(F32)), gradients(plain, data(F32)), tolerance)


def test_converting_to_a_band_leaves_spectral_layers_alone() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), network(dtype=F32))
    kinds = [type(m) for m in model[1].modules()]
    report = pb.convert_(model, pb.Band(keep=0.5))
    assert len(report.converted) == 1
    assert [type(m) for m in model[1].modules()] == kinds
    pb.revert_(model)
    assert type(model[0]) is nn.Conv2d
