"""What real networks hold, and the most that a step of theirs takes, with memory policies."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import passband as pb
from passband.lab.models import create_model
from passband.memory import saved
from passband.memory.peak import peak_bytes

EXACT, BF16 = pb.MemoryPolicy.exact(), pb.MemoryPolicy.bf16()
INT8, UNCHANGED = pb.MemoryPolicy(spectra="int8"), pb.MemoryPolicy.unchanged_forward()

Network = tuple[str, tuple[int, ...], dict[str, Any]]
NETWORKS: dict[str, Network] = {
    "resnet18": ("resnet18", (3, 32, 32), {}),
    "densenet": ("densenet", (3, 32, 32), {}),
    "vgg16": ("vgg16", (3, 32, 32), {}),
    "fcn": ("fcn", (1, 512), {}),
    "unet": ("unet", (3, 64, 64), {}),
    "silu": ("resnet18", (3, 32, 32), {"activation": "silu"}),
    "mobilenet": ("mobilenet", (3, 32, 32), {}),
}


def network(name: str, batch: int) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    model, sample, options = NETWORKS[name]
    built = create_model(model, num_classes=10, in_channels=sample[0], **options)
    return built, torch.randn(batch, *sample)


def small(model: nn.Module, policy: pb.MemoryPolicy) -> nn.Module:
    """The model with a policy: convolutions band-limited, unless their forward is unchanged."""
    model = copy.deepcopy(model)
    band = None if policy.maps == "low band" else pb.Band(keep=0.25)
    pb.convert_(model, band, memory=policy)
    return model


@pytest.mark.parametrize("policy", [EXACT, BF16, INT8, UNCHANGED], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_four_times_less_is_held(name: str, policy: pb.MemoryPolicy) -> None:
    """The goal at keep .25; the must is 2.5. Of roughly kept maps 8, the must, except for FCN."""
    plain, x = network(name, batch=4)
    least = 8 if policy == UNCHANGED else 4
    before = saved(lambda: plain(x)).total
    assert saved(partial(small(plain, policy), x)).total * least < before


@pytest.mark.parametrize("policy", [EXACT, BF16, INT8, UNCHANGED], ids=str)
def test_a_step_of_resnet18_takes_what_its_bytes_promise(policy: pb.MemoryPolicy) -> None:
    """Weights, their gradients, momentum and what is held, at most 1.6 times."""
    plain, x = network("resnet18", batch=32)
    model, weights = small(plain, policy), sum(p.nbytes for p in plain.parameters())

    def loss() -> Tensor:
        return F.cross_entropy(model(x), torch.arange(32) % 10)

    held = saved(loss).total
    model.zero_grad()
    peak = peak_bytes(lambda: loss().backward(), x.device)
    assert peak + 2 * weights < 1.6 * (held + 3 * weights)


def test_under_autocast_no_copy_of_a_weight_is_held() -> None:
    """A map's share in bfloat16, and not twice the 11 million weights, 21 MiB."""
    plain, x = network("resnet18", batch=4)
    model = small(plain, UNCHANGED)
    with torch.autocast("cpu", torch.bfloat16):
        assert saved(lambda: model(x)).total < 2 * 2**20
