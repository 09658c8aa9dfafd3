"""Labelled data by name. Nothing is downloaded: it ships in a package, or you give a folder."""

from passband.lab.data import ucr
from passband.lab.data.labeled import LabeledData, Samples, first, gather, labels, size, whole
from passband.lab.data.registry import available, is_import_path, known, load, takes_root
from passband.lab.data.shape import padded, resized

__all__ = [
    "LabeledData", "Samples", "available", "first", "gather", "is_import_path", "known", "labels",
    "load", "padded", "resized", "size", "takes_root", "ucr", "whole",
]  # fmt: skip
