"""Bands and policies from descriptions that anyone may have written: read, or refused."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

import passband as pb

NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0.5, 1, 10**400, math.nan, True]))
VALUES = st.recursive(st.one_of(st.none(), NUMBERS, st.text()), st.lists, max_leaves=4)
SIZES = st.sampled_from(["minimal", "fast", "reference"])
DESCRIPTIONS = st.fixed_dictionaries(
    {"version": st.one_of(st.just(1), VALUES)},
    optional={
        "keep": st.one_of(VALUES, st.floats(0, 1)),
        "cutoff": st.one_of(VALUES, st.lists(st.floats(0, 1))),
        "modes": VALUES,
        "energy": VALUES,
        "fft_size": st.one_of(SIZES, VALUES),
        "dynamic": st.one_of(st.booleans(), VALUES),
        "else": VALUES,
    },
)


@settings(max_examples=500, derandomize=True, database=None, deadline=None)
@example({"version": 1, "keep": 10**400})
@given(st.one_of(DESCRIPTIONS, VALUES, st.dictionaries(VALUES.map(repr), VALUES)))
def test_a_band_is_read_or_refused(description: Any) -> None:
    try:
        band = pb.Band.from_dict(description)
    except (TypeError, ValueError) as error:
        refused: Exception | None = error
    else:
        refused = None
        assert pb.Band.from_dict(band.to_dict()) == band
    assert refused is None or type(refused) in (TypeError, ValueError)


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.dictionaries(st.sampled_from(["spectra", "maps", "bits", "basis"]), VALUES, min_size=1))
def test_a_policy_of_other_words_is_refused(entries: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"MemoryPolicy: \w+ is one of"):
        pb.MemoryPolicy(**entries)
