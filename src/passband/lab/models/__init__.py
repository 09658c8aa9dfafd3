"""The networks of the studies, by name.

Plain ones, which `passband.convert_` makes band-limited, and spectral ones, SpecNet's.
"""

from passband.lab.models.registry import (
    available,
    create_as_told,
    create_model,
    dims,
    is_spectral,
    options,
    per_pixel,
    plain_form,
)
from passband.lab.models.samples import sample_shape
from passband.lab.models.saved import Architecture, load_model

__all__ = [
    "Architecture", "available", "create_as_told", "create_model", "dims", "is_spectral",
    "load_model", "options", "per_pixel", "plain_form", "sample_shape",
]  # fmt: skip
