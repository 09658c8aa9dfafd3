"""Filter spectra kept for inference, and forgotten."""

from __future__ import annotations

from torch import nn

from passband.convert.layers import band_layers, check_model


def freeze_(model: nn.Module) -> int:
    """Let each band-limited layer keep its filter spectra between calls without gradients.

    Without gradients (`torch.no_grad`, `torch.inference_mode`) a frozen layer computes the spectra
    of its filters on the first call for a band and map size, and uses them again until its weight
    changes; a change by way of `weight.data` PyTorch does not tell: call `freeze_` again after it.
    Calls with gradients are as before. Up to 8 bands and sizes are remembered for each
    layer, each about `2 * bins / taps` times as large as the weight; where compiled kernels compute
    the layer, which take filters by their taps, as large as the weight, and a layer is one call of
    them. Nothing of it is part of the state_dict, of copies or of pickles.

    Args:
        model: a model with band-limited layers.

    Returns:
        How many layers are frozen.

    Raises:
        TypeError: model is no module.
        ValueError: it has no band-limited layer.

    Examples:
        >>> import torch
        >>> from passband import Band, convert_
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> _ = convert_(model, Band(keep=0.25))
        >>> freeze_(model)
        1
        >>> with torch.inference_mode():
        ...     model(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 8, 30, 30])
    """
    layers = band_layers(check_model("freeze_", model))
    if not layers:
        raise ValueError(
            f"freeze_: {type(model).__name__} has no band-limited layer: use convert_ first"
        )
    for layer in layers.values():
        layer.freeze()
    return len(layers)


def unfreeze_(model: nn.Module) -> int:
    """Forget what `freeze_` made the layers keep.

    Args:
        model: any model.

    Returns:
        How many layers were frozen.

    Raises:
        TypeError: model is no module.
    """
    layers = band_layers(check_model("unfreeze_", model))
    frozen = [layer for layer in layers.values() if layer.frozen]
    for layer in frozen:
        layer.unfreeze()
    return len(frozen)
