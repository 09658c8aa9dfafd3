"""Every layer and policy is asked for every capability; a table says what is to be expected."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from compilers import Compilers
from conformance_page import PAGE, page
from conformance_suite import CAPABILITIES, GROUPS, Capability, ask, cells
from group import work
from running import RANKS, Distributed, OnGPU
from states import NOT_APPLICABLE, NOTED, REFUSED, NotApplicable, Refused, Row, state_of
from subjects import SUBJECTS, Subject
from torch.multiprocessing.spawn import spawn

import passband as pb
from on_cuda import only_on_cuda

# Cells that take seconds: `make test` asks a few subjects, `make test-slow` the others.
HEAVY = {c.name for c in CAPABILITIES.values() if c.of is Compilers}
REPRESENTATIVE = (
    "BandConv2d", "BandConvTranspose1d", "SpecBlock2d, norm", "SpectralPool2d", "FrequencyMask",
    "converted",
)  # fmt: skip

EXPORTS = ("exported_dynamic", "onnx_dynamic")
PROVES_LESS = torch.__version__ < (2, 12)  # type: ignore[operator]

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning"),  # by forward mode
    pytest.mark.filterwarnings("ignore:Attempting to run cuBLAS"),  # in a first backward thread
]


@pytest.fixture(autouse=True)
def fresh_compilers() -> Iterator[None]:
    """What one test compiles counts for no other: there is a limit of compilations."""
    yield
    torch._dynamo.reset()


def asked(*of: type) -> Iterator[object]:
    for subject, capability in cells(*of):
        if isinstance(state_of(subject, capability), NotApplicable):
            continue
        slow = capability.name in HEAVY and subject.name not in REPRESENTATIVE
        marks = [pytest.mark.slow] if slow else []
        if capability.name in EXPORTS and PROVES_LESS:
            why = "PyTorch 2.11 takes strides of any batch for those of some"
            marks.append(pytest.mark.skip(reason=why))
        yield pytest.param(subject, capability, id=f"{capability}-{subject}", marks=marks)


def holds(subject: Subject, capability: Capability, run: Callable[[], None]) -> None:
    """The cell is what its table says."""
    state = state_of(subject, capability)
    if not isinstance(state, Refused):
        run()
        return
    with pytest.raises(Exception) as raised:  # noqa: PT011
        run()
    assert type(raised.value) is state.error, f"{raised.value!r} is no {state.error}"
    assert re.search(state.match, str(raised.value)), str(raised.value)


HERE = [cls for cls in GROUPS if cls not in (Distributed, OnGPU)]


@pytest.mark.parametrize(("subject", "capability"), list(asked(*HERE)))
def test_cell(subject: Subject, capability: Capability) -> None:
    holds(subject, capability, lambda: ask(subject, capability))


@only_on_cuda
@pytest.mark.parametrize(("subject", "capability"), list(asked(OnGPU)))
def test_cell_on_cuda(subject: Subject, capability: Capability) -> None:
    holds(subject, capability, lambda: ask(subject, capability))


def test_cells_of_two_processes(tmp_path: Path) -> None:
    here = [(s, c) for s, c in cells(Distributed) if not isinstance(state_of(s, c), NotApplicable)]
    spawn(work, (str(tmp_path), [(s.name, c.name) for s, c in here]), RANKS)
    outcomes = [torch.load(tmp_path / f"{rank}", weights_only=False) for rank in range(RANKS)]
    for number, (subject, capability) in enumerate(here):
        for outcome in outcomes:

            def run(error: Exception | None = outcome[number]) -> None:
                if error is not None:
                    raise error

            try:
                holds(subject, capability, run)
            except Exception as error:
                raise AssertionError(f"{subject}, {capability}: {error}") from error


def test_every_public_layer_is_a_subject() -> None:
    public = {c for _, c in inspect.getmembers(pb.nn, inspect.isclass)}
    there = {type(m) for s in SUBJECTS.values() for m in s.make().modules()}
    assert public <= there
    assert len(public) >= 21


def test_every_row_of_a_table_is_of_some_cell() -> None:
    every = [(s, c) for s in SUBJECTS.values() for c in CAPABILITIES.values()]
    used: list[Row | None] = [state_of(*cell) for cell in every]
    for row in (*NOT_APPLICABLE, *REFUSED, *NOTED):
        assert any(row is one for one in used), row
        assert set(row.capabilities.split()) <= set(CAPABILITIES), row


def test_the_page_says_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "python tests/conformance/conformance_page.py"
    )


def test_every_capability_says_what_it_asks() -> None:
    assert len(CAPABILITIES) > 50
    assert len({c.title for c in CAPABILITIES.values()}) == len(CAPABILITIES)
