"""A model layer by layer: shapes, how it is computed, what that costs, what its bands keep."""

from passband.lab.inspect.layer import Inspection, Layer
from passband.lab.inspect.passes import inspected

__all__ = ["Inspection", "Layer", "inspected"]
