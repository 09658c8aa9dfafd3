"""The networks of the studies, by name.

Plain ones, which `passband.convert_` makes band-limited, and spectral ones, SpecNet's.
"""

from passband.lab.models.registry import (
    available,
    create_model,
    dims,
    is_spectral,
    options,
    per_pixel,
    plain_form,
)

__all__ = [
    "available", "create_model", "dims", "is_spectral", "options", "per_pixel", "plain_form",
]  # fmt: skip
