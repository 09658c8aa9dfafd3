"""Small networks of the kinds that a memory policy has to recognise, as people write them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """Functional activations, in-place ones, and a sum written with `+=`, as in torchvision."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += self.short(x)
        out: Tensor = y.relu_()
        return out


class PreActivation(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(torch.relu(self.bn1(x)))
        out: Tensor = x + self.conv2(torch.relu(self.bn2(y)))
        return out


class Dense(nn.Module):
    """A layer of DenseNet-BC."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(4 * growth)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.bn1(x)))
        return torch.cat([x, self.conv2(F.relu(self.bn2(y)))], 1)


class LayerNorm2d(nn.LayerNorm):
    """Over channels, as torchvision has it."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class SpelledLayerNorm2d(nn.LayerNorm):
    """Over channels, as the authors of ConvNeXt have it."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNeXt(nn.Module):
    """A block, channels last inside, with layer scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(F.gelu(self.wide(y)))
        out: Tensor = x + y.permute(0, 3, 1, 2)
        return out


class UNet(nn.Module):
    """Down by pooling, up by repetition, with a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.bottom = _unit(3, 8), _unit(8, 16)
        self.up = _unit(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down(x)
        b = self.bottom(F.max_pool2d(a, 2))
        b = F.interpolate(b, scale_factor=2.0)
        out: Tensor = self.up(torch.cat([b, a], dim=1))
        return out


class Squeeze(nn.Module):
    """Squeeze and excitation: channels weighed by a gate that is computed from their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.norm(self.conv(x)))
        gate = torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(y, 1)))))
        out: Tensor = x + 0.5 * (y * gate)
        return out


class Pointwise(nn.Module):
    """A block of ConvNeXt with convolutions of size 1 in place of linear layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.deep = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide, self.narrow = nn.Conv2d(channels, 32, 1), nn.Conv2d(32, channels, 1)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.deep(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        out: Tensor = x + self.scale * self.narrow(F.gelu(self.wide(y)))
        return out


def _stem() -> nn.Conv2d:
    return nn.Conv2d(3, 8, 3, padding=1)


def _unit(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _headed(channels: int, *layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4))


def _separable(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs), nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6(),
    ]  # fmt: skip


def _smooth(activation: nn.Module) -> nn.Sequential:
    return _headed(
        8, nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), activation,
        nn.Conv2d(8, 8, 5, padding=2), nn.BatchNorm2d(8), activation, nn.AvgPool2d(2),
    )  # fmt: skip


def _layer_norms(norm: Callable[[int], nn.Module]) -> nn.Sequential:
    return _headed(
        8, nn.Conv2d(3, 8, 3, padding=1), norm(8), nn.GELU(),
        nn.Conv2d(8, 8, 3, padding=1), norm(8), nn.ReLU(),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "residual": lambda: _headed(8, _stem(), Residual(8, 8, 1), Residual(8, 8, 2)),
    "pre-activation": lambda: _headed(
        8, _stem(), *(PreActivation(8) for _ in range(4)), nn.BatchNorm2d(8), nn.ReLU()
    ),
    "dense": lambda: _headed(20, _stem(), Dense(8, 4), Dense(12, 4), Dense(16, 4)),
    "u-net": UNet,
    "separable": lambda: _headed(8, _stem(), *_separable(8, 16), *_separable(16, 8)),
    "silu": lambda: _smooth(nn.SiLU()),
    "silu in place": lambda: _smooth(nn.SiLU(inplace=True)),
    "gelu": lambda: _smooth(nn.GELU()),
    "leaky": lambda: _smooth(nn.LeakyReLU(0.2)),
    "hardswish": lambda: _smooth(nn.Hardswish()),
    "elu": lambda: _smooth(nn.ELU(0.7, inplace=True)),
    "tanh": lambda: _smooth(nn.Tanh()),
    "softplus": lambda: _smooth(nn.Softplus(2)),
    "squeeze": lambda: _headed(8, _stem(), Squeeze(8), Squeeze(8)),
    "pointwise": lambda: _headed(8, _stem(), Pointwise(8), Pointwise(8)),
    "transposed": lambda: _headed(
        4,
        _unit(3, 8),
        nn.MaxPool2d(2),
        nn.ConvTranspose2d(8, 8, 3, 2, 1, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 2, 2),
    ),
    "layer norm": lambda: _layer_norms(LayerNorm2d),
    "vgg": lambda: _headed(
        16, _unit(3, 8), nn.MaxPool2d(3, 2, 1), nn.Dropout(0.3), _unit(8, 16), nn.MaxPool2d(2)
    ),
}
# They hold much that a policy does not know.
OTHERS: dict[str, Callable[[], nn.Module]] = {
    "spelled layer norm": lambda: _layer_norms(SpelledLayerNorm2d),
    "convnext": lambda: _headed(8, _stem(), LayerNorm2d(8), ConvNeXt(8), ConvNeXt(8)),
    "same padding": lambda: _headed(
        8, nn.Conv2d(3, 8, 3, padding="same"), nn.SyncBatchNorm(8).eval(), nn.ReLU(),
        nn.Dropout2d(0.2), nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
        nn.InstanceNorm2d(8), nn.ELU(),
    ),
}  # fmt: skip
