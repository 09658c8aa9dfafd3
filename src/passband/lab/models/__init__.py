"""The networks of the studies, plain and by name; `passband.convert_` makes them band-limited."""

from passband.lab.models.registry import available, create_model, dims, options, per_pixel

__all__ = ["available", "create_model", "dims", "options", "per_pixel"]
