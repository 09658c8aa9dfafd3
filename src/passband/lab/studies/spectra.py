"""The study ``spectra``: how spectra of weights and maps move while a network learns.

Rahaman et al., "On the Spectral Bias of Neural Networks", ICML 2019, find that low frequencies are
learnt first; there it is said of the function, here looked for in filters and maps.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from passband.lab.checks import check_count, check_keep
from passband.lab.results import Row
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.spectra_probe import SpectraOfLayers
from passband.lab.studies.spectra_shown import spectra_figures, spectra_notes, spectra_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class SpectraConfig(StudyConfig):
    """The study.

    Attributes:
        keep: The keeps; None is the unconverted model, and is always part.
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "spectra"
    keep: tuple[float | None, ...] = (None, 0.25)
    seeds: int = 2

    def __post_init__(self) -> None:
        for keep in self.keep:
            check_keep(keep)
        check_count("seeds", self.seeds)
        super().__post_init__()
        bands = dict.fromkeys(float(keep) for keep in self.keep if keep is not None)
        object.__setattr__(self, "keep", (None, *bands))

    def to_dict(self) -> dict[str, Any]:
        """The form that ``config.yaml`` holds."""
        return {**super().to_dict(), "keep": ["plain", *self.keep[1:]]}


@alone
def spectra(study: SpectraConfig, watch: Watch) -> list[Row]:
    """Trains the plain network and one for each keep, and looks after each epoch.

    Rows of each epoch, 0 being the initial weights: ``test_accuracy``, and of each convolution the
    energies ``weights/LAYER/FREQUENCY`` and ``activations/LAYER/FREQUENCY``, one for each radius.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    tasks = [
        Task(book.directory(replace(base, seed=seed, keep=keep)), probes=(SpectraOfLayers,))
        for base in study.base
        for seed in range(study.seeds)
        for keep in study.keep
    ]
    for part in book.parts(tasks, watch):
        book.train(part)
    return book.rows()


SPECTRA = Study(
    what="how spectra of weights and maps move while a network learns",
    title="Spectra of weights and maps while a network learns",
    config=SpectraConfig,
    run=spectra,
    tables=spectra_tables,
    figures=spectra_figures,
    notes=spectra_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
