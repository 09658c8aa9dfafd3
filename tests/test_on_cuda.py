"""The library on a CUDA device, beside the same on the CPU."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import passband as pb
from cases import CONV, TRANSPOSED, Case, function
from on_cuda import (
    CUDA,
    assert_alike,
    beside,
    first_candidate,
    of_model,
    only_on_cuda,
    results,
    whole_float32,
)
from passband.functional.plan import PlanName
from passband.lab.models import create_model

pytestmark = only_on_cuda

PLANS: tuple[PlanName, ...] = ("auto", "fft", "dft", "spatial", "fused", "measure")
PLAIN = ("lenet5", "fcn", "resnet18", "resnet18_icml", "densenet", "mobilenet", "unet", "vgg16")
SPECTRAL = (
    "spec_lenet5", "spec_lenet5_bn", "spec_alexnet", "spec_vgg16_bn", "spec_densenet",
    "spec_densenet_bn",
)  # fmt: skip


@pytest.fixture(autouse=True)
def fair() -> Iterator[None]:
    with first_candidate(), whole_float32():
        yield


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
@pytest.mark.parametrize("plan", PLANS)
def test_every_convolution_is_that_of_the_cpu(plan: PlanName, transposed: bool) -> None:
    for case in TRANSPOSED if transposed else CONV:
        for keep in (0.5, 1.0) if plan == "auto" else (0.5,):
            check(case, plan, keep, transposed)


def check(case: Case, plan: PlanName, keep: float, transposed: bool) -> None:
    arrays = case.tensors(transposed=transposed)
    x, *w = (torch.from_numpy(a) for a in arrays if a is not None)

    def on(device: torch.device, dtype: torch.dtype, by: PlanName) -> list[Tensor]:
        weights = [t.to(device, dtype).requires_grad_() for t in w]

        def run(x: Tensor) -> Tensor:
            y: Tensor = function(case, transposed=transposed)(
                x, *weights, **case.options, band=pb.Band(keep=keep), plan=by
            )
            return y

        return results(run, x.to(device, dtype), weights)

    expected = on(torch.device("cpu"), torch.float64, "dft")
    try:
        assert_alike(on(CUDA, torch.float32, plan), expected, 2e-5)
    except AssertionError as error:
        raise AssertionError(f"{case}, keep {keep}: {error}") from error


def network(name: str, dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    sizes = {"lenet5": (1, 28, 28), "fcn": (1, 150)}
    sample = next((size for of, size in sizes.items() if of in name), (3, 32, 32))
    model = create_model(name, num_classes=10, in_channels=sample[0])
    return model.to(dtype), torch.randn(4, *sample, dtype=dtype)


@pytest.mark.parametrize("name", PLAIN)
def test_a_converted_network_learns_as_on_the_cpu(name: str) -> None:
    model, x = network(name, torch.float64)
    pb.convert_(model, pb.Band(keep=0.25))
    model.eval()  # no dropout; of batch norm the division by numbers that are given
    assert_alike(of_model(beside(model), x.to(CUDA)), of_model(model, x), 1e-7)


@pytest.mark.parametrize("name", SPECTRAL)
def test_a_spectral_network_learns_as_on_the_cpu(name: str) -> None:
    model, x = network(name, torch.float64)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    expected = of_model(model, x)
    assert_alike(of_model(beside(model), x.to(CUDA)), expected, 1e-7)
    single = of_model(beside(model).float(), x.float().to(CUDA))  # by kernels
    assert_alike(single[:1], expected[:1], 1e-2)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("keep", [0.5, 0.25, 0.1])
def test_plans_agree_on_resnet18(keep: float, memory: torch.memory_format) -> None:
    model, x = network("resnet18", torch.float32)
    model, x = model.to(CUDA).to(memory_format=memory), x.to(CUDA).to(memory_format=memory)  # type: ignore[call-overload]
    exact = copy.deepcopy(model).double()
    pb.convert_(exact, pb.Band(keep=keep), plan="dft")
    expected = of_model(exact.eval(), x.double())
    for plan in PLANS:
        banded = copy.deepcopy(model)
        pb.convert_(banded, pb.Band(keep=keep), plan=plan)
        found = of_model(banded.eval(), x)
        assert_alike(found[:1], expected[:1], 1e-4)
        assert_alike(found, expected, 2e-2)  # a ReLU near zero may fall to the other side


@pytest.mark.parametrize("plan", PLANS)
def test_a_step_under_autocast(plan: PlanName) -> None:
    model, x = network("resnet18", torch.float32)
    model, x = model.to(CUDA), x.to(CUDA)
    plain = of_model(model.eval(), x)[0]
    wide, half = copy.deepcopy(model), copy.deepcopy(model)
    pb.convert_(wide, pb.Band(keep=0.5))
    pb.convert_(half, pb.Band(keep=0.5), plan=plan)

    def run(x: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            y: Tensor = half(x)
        return y.float()

    found, expected = results(run, x, list(half.parameters())), of_model(wide, x)
    assert_alike(found[:1], expected[:1], 0.1)
    assert not torch.allclose(found[0], plain.cpu(), rtol=0.01)
    similar = nn.functional.cosine_similarity
    for one, other in zip(found, expected, strict=True):
        assert one.isfinite().all()
        assert similar(one.flatten().double(), other.flatten().double(), dim=0) > 0.9


@pytest.mark.parametrize("name", ["resnet18", "densenet", "mobilenet", "unet", "fcn"])
def test_memory_policies(name: str) -> None:
    model, x = network(name, torch.float64)
    pb.convert_(model, pb.Band(keep=0.25))
    small = copy.deepcopy(model)
    pb.convert_(small, None, memory=pb.MemoryPolicy.exact())
    on_cpu = pb.memory.saved(lambda: small(x)).total
    cuda, small, x = model.to(CUDA), small.to(CUDA), x.to(CUDA)
    expected = of_model(cuda, x)
    assert_alike(of_model(small, x), expected, 1e-7)
    # Only PyTorch's batch norm holds otherwise there.
    assert pb.memory.saved(lambda: small(x)).total <= 1.02 * on_cpu
    assert pb.memory.saved(lambda: small(x)).total < pb.memory.saved(lambda: cuda(x)).total / 2
    half = copy.deepcopy(cuda)
    pb.convert_(half, None, memory=pb.MemoryPolicy.bf16())
    assert_alike(of_model(half, x), expected, 0.05)


def test_unchanged_forward() -> None:
    model, x = network("resnet18", torch.float32)
    model, x = model.to(CUDA), x.to(CUDA)
    small = copy.deepcopy(model)
    pb.convert_(small, None, memory=pb.MemoryPolicy.unchanged_forward())
    found, expected = of_model(small, x), of_model(model, x)
    assert_alike(found[:1], expected[:1], 1e-5)
    similar = nn.functional.cosine_similarity
    for one, other in zip(found, expected, strict=True):
        assert similar(one.flatten(), other.flatten(), dim=0) > 0.7
    held = [pb.memory.saved(lambda m=m: m(x)).total for m in (model, small)]  # type: ignore[misc]
    assert held[1] < held[0] / 6


def test_memory_of_a_step() -> None:
    from passband.memory.peak import held_bytes, peak_bytes

    model, _ = network("resnet18", torch.float32)
    x = torch.randn(64, 3, 32, 32, device=CUDA)
    plain, small = beside(model), beside(model)
    pb.convert_(small, pb.Band(keep=0.25), memory=pb.MemoryPolicy.exact())

    def step(model: nn.Module) -> None:
        model(x).square().mean().backward()
        model.zero_grad()

    for each in (plain, small):
        step(each)
    peaks = [peak_bytes(lambda m=m: step(m), CUDA) for m in (plain, small)]  # type: ignore[misc]
    held = [held_bytes(lambda m=m: m(x), CUDA) for m in (plain, small)]  # type: ignore[misc]
    counted = pb.memory.saved(lambda: small(x)).total
    print(f"peaks {peaks}, held {held}, counted {counted}")
    assert peaks[1] < peaks[0]
    assert held[1] < held[0] / 3
    assert abs(held[1] - counted) < 0.1 * counted


@pytest.mark.parametrize("policy", [None, pb.MemoryPolicy.exact()], ids=["plain", "exact"])
def test_what_a_step_takes_is_known_before_it(policy: pb.MemoryPolicy | None) -> None:
    model, x = network("resnet18", torch.float32)
    model, x = model.to(CUDA), x.to(CUDA)
    if policy is not None:
        pb.convert_(model, pb.Band(keep=0.25), memory=policy)
    estimated = pb.memory.estimate(model, x, batch_size=256)
    batch = torch.randn(256, 3, 32, 32, device=CUDA)
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        model(batch).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    known = sum(t.nbytes for t in (*model.parameters(), *model.buffers(), batch))
    known += sum(t.nbytes for s in optimizer.state.values() for t in s.values())
    taken = torch.cuda.max_memory_allocated() - before + known
    print(f"estimated {estimated.peak}, taken {taken}")
    assert abs(estimated.peak - taken) < 0.1 * taken
    most = pb.memory.largest_batch(model, x, estimated.peak)
    print(f"largest batch {most}")
    assert 200 <= most <= 280


def test_composition() -> None:
    model, x = network("resnet18", torch.float32)
    model, x = model.to(CUDA).eval(), x.to(CUDA)
    pb.convert_(model, pb.Band(keep=0.25))
    expected = of_model(model, x)
    small = copy.deepcopy(model)
    pb.convert_(small, None, memory=pb.MemoryPolicy.exact())
    again = results(
        lambda x: checkpoint(small, x, use_reentrant=False), x, list(small.parameters())
    )
    assert_alike(again, expected, 1e-3)
    with torch.autograd.graph.save_on_cpu(pin_memory=True):
        assert_alike(of_model(small, x), expected, 1e-3)
    pb.freeze_(small)
    with torch.inference_mode():
        assert_alike([small(x).cpu()], expected[:1], 1e-4)
    pb.unfreeze_(small)
    pb.calibrate_(small, [x], energy=0.9)
    assert small(x).isfinite().all()
    pb.revert_(small)
    assert not [m for m in small.modules() if isinstance(m, pb.nn.BandConv2d)]


def test_gradients_of_gradients() -> None:
    conv = pb.nn.BandConv2d(3, 4, 3, padding=1, keep=0.5, device=CUDA, dtype=torch.float64)
    for plan in ("fft", "dft", "spatial", "fused"):
        conv.plan = plan
        x = torch.randn(2, 3, 6, 5, device=CUDA, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradgradcheck(conv, x)


def test_a_side_stream_and_another_thread_compute_the_same() -> None:
    conv = pb.nn.BandConv2d(8, 8, 3, padding=1, keep=0.5, plan="fused", device=CUDA)
    x = torch.randn(16, 8, 32, 32, device=CUDA)
    expected = of_model(conv, x)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        found = of_model(conv, x)
    assert_alike(found, expected, 1e-6)


def test_compiled_around_layers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3)).to(CUDA)
    pb.convert_(model, pb.Band(keep=0.5))
    x = torch.randn(2, 3, 16, 16, device=CUDA)
    compiled = torch.compile(copy.deepcopy(model))
    assert_alike([compiled(x).detach().cpu()], [model(x).detach().cpu()], 1e-5)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("lenet5", {}),
        ("lenet5", {"keep": 0.5, "precision": "bf16-mixed"}),
        ("lenet5", {"keep": 0.5, "precision": "16-mixed", "accumulate": 2}),
        ("lenet5", {"keep": 0.5, "keep_start": 1.0}),
        ("lenet5", {"energy": 0.95}),
        ("lenet5", {"keep": 0.5, "strategy": "fsdp", "validation": 0.1}),
        ("spec_lenet5_bn", {"batch_size": 256}),
    ],
    ids=str,
)
def test_the_laboratory_trains(model: str, given: dict[str, Any], tmp_path: Path) -> None:
    from passband.lab.config import TrainConfig
    from passband.lab.training import train

    settings: dict[str, Any] = {"epochs": 2, "accelerator": "gpu", "learning_rate": 3e-3, **given}
    run = TrainConfig.recommended("digits", model, str(tmp_path), **settings)
    result = train(run)
    assert result.test_accuracy > 0.3
    (tmp_path / "results.csv").unlink()
    assert train(run, resume=True).rows() == result.rows()  # its checkpoint has all
