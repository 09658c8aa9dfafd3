"""``passband inspect``: a model of the laboratory or of the user's, layer by layer."""

from argparse import Namespace
from pathlib import Path

import torch
from torch import Tensor, nn

import passband as pb
from passband.atomic import write_atomic
from passband.lab import data, models
from passband.lab.checks import check_count
from passband.lab.inspect.formats import as_csv, as_dict, as_text, written
from passband.lab.inspect.passes import inspected
from passband.lab.outcome import Outcome

_CLASSES = 10


def command(options: Namespace) -> Outcome | None:
    """Runs the command.

    Returns:
        What is printed; None if it is in a file.

    Raises:
        TypeError, ValueError: The model or the data is unknown, they do not fit, or the band is no
            band.
        ImportError, OSError: The model does not import, or a file is missing or cannot be written.
    """
    check_count("batch", options.batch)
    torch.manual_seed(0)
    x, num_classes = _batch(options)
    model = _model(options, x, num_classes)
    band = _band(options)
    if band is None:
        if options.plan is not None:
            raise ValueError(f"a plan is for band convolutions; got {options.plan!r} and no band")
    else:
        if models.is_spectral(options.model):
            raise ValueError(
                f"model {options.model!r} is spectral: it has no convolution of maps to convert; "
                f"got {band}"
            )
        pb.convert_(model, band, plan=options.plan or "auto")
    found = inspected(options.model, model, x, energy=bool(options.data))
    text = as_csv(found) if options.csv else as_text(found)
    outcome = Outcome(as_dict(found), lambda console: print(text, end=""))
    if options.out is None:
        return outcome
    path = Path(options.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, f"{outcome.json()}\n" if options.json else text)
    return None


def _batch(options: Namespace) -> tuple[Tensor, int]:
    """Maps, and how many classes there are."""
    if options.data is None:
        if options.root is not None:
            raise ValueError(f"root is the folder of data; got {options.root!r} and no data")
        shape = options.input_shape or models.sample_shape(options.model)
        return torch.randn(options.batch, *shape), _CLASSES
    if options.input_shape is not None:
        raise ValueError(
            f"maps come from data or have an input shape; got {options.data!r} and "
            f"{written(options.input_shape)}"
        )
    loaded = data.load(options.data, root=options.root)
    return data.first(loaded.train, options.batch)[0], loaded.num_classes


def _model(options: Namespace, x: Tensor, num_classes: int) -> nn.Module:
    channels, *space = x.shape[1:]
    axes = models.dims(options.model)
    if axes not in (None, len(space)):
        raise ValueError(
            f"model {options.model!r} is for maps of {axes} axes; got {written((channels, *space))}"
        )
    told = dict(options.options or ())
    if "image_size" in models.options(options.model):
        told = {"image_size": tuple(space), **told}
    return models.create_as_told(
        options.model, num_classes=num_classes, in_channels=channels, **told
    )


def _band(options: Namespace) -> pb.Band | None:
    if options.energy is not None:
        return pb.Band(energy=options.energy, dynamic=True)
    stated = {name: getattr(options, name) for name in ("keep", "cutoff", "modes")}
    stated = {name: value for name, value in stated.items() if value is not None}
    return pb.Band(**stated) if stated else None
