"""The networks of the studies by name: plain, which `passband.convert_` makes band-limited, and
spectral, the networks of SpecNet.
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
