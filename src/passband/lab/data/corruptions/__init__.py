"""Common corruptions of images, by name."""

from passband.lab.data.corruptions.table import (
    CORRUPTIONS,
    GROUPS,
    OF_THE_BENCHMARK,
    SEVERITIES,
    check_severities,
    corrupted,
    group_of,
)

__all__ = [
    "CORRUPTIONS", "GROUPS", "OF_THE_BENCHMARK", "SEVERITIES", "check_severities", "corrupted",
    "group_of",
]  # fmt: skip
