"""Models in a file: weights, bands and memory policies, without pickle."""

from passband.saving.model import load_ as load_
from passband.saving.model import save as save
