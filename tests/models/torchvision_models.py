"""Networks of torchvision and of packages that need it: not everywhere does it import."""

from __future__ import annotations

import torch
from architecture import Architecture, Architectures, noise

IMAGE = (noise(2, 3, 64, 64),)


def _vision(task: str, name: str, *, size: int = 64, **options: object) -> Architecture:
    return Architecture(
        task, "torchvision.models",
        lambda models: models.get_model(name, weights=None, **options),
        (noise(2, 3, size, size),), torch.float64,
    )  # fmt: skip


def _timm(name: str, **options: object) -> Architecture:
    return Architecture(
        "images", "timm",
        lambda timm: timm.create_model(name, pretrained=False, num_classes=3, **options), IMAGE,
        torch.float64,
    )  # fmt: skip


def _segmentation(name: str) -> Architecture:
    return Architecture(
        "segmentation", "segmentation_models_pytorch",
        lambda models: getattr(models, name)("resnet18", encoder_weights=None), IMAGE,
        torch.float64,
    )  # fmt: skip


TORCHVISION: Architectures = {
    "resnet18": _vision("images", "resnet18", num_classes=3),
    "mobilenet_v3_small": _vision("images", "mobilenet_v3_small", num_classes=3, dropout=0.0),
    "squeezenet1_1": _vision("images", "squeezenet1_1", num_classes=3, dropout=0.0),
    "shufflenet_v2_x0_5": _vision("images", "shufflenet_v2_x0_5", num_classes=3),
    "lraspp_mobilenet_v3_large": _vision(
        "segmentation", "lraspp_mobilenet_v3_large", weights_backbone=None, num_classes=3
    ),
}  # fmt: skip

TIMM: Architectures = {
    "resnet10t": _timm("resnet10t"),
    "mobilenetv3_small_050": _timm("mobilenetv3_small_050"),
    "convnext_atto": _timm("convnext_atto"),
    "repvgg_a0": _timm("repvgg_a0"),
}

SEGMENTATION: Architectures = {
    name: _segmentation(name) for name in ("Unet", "FPN", "DeepLabV3Plus")
}
