"""The study ``energy``: what bands that hold a share of energy keep while a network learns.

Dziedzic et al. 2019 (ICML; the talk shows it for ResNet-18 on CIFAR-10): low frequencies are
learnt first.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from passband.lab.checks import check_count, check_keep
from passband.lab.results import Row
from passband.lab.studies.energy_shown import energy_figures, energy_notes, energy_tables
from passband.lab.studies.grid import Book, StudyConfig, alone
from passband.lab.studies.learning import KeepingOfLayers
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class EnergyConfig(StudyConfig):
    """The study.

    Attributes:
        energy: Shares of the energy of each convolution's input that its band holds.
        seeds: How many seeds, from 0.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "energy"
    energy: tuple[float, ...] = (0.8, 0.9, 0.95)
    seeds: int = 2

    def __post_init__(self) -> None:
        for energy in self.energy:
            check_keep(energy, "energy")
        if not self.energy:
            raise ValueError("energy is at least one share; got none")
        check_count("seeds", self.seeds)
        super().__post_init__()
        object.__setattr__(self, "energy", tuple(dict.fromkeys(map(float, self.energy))))


@alone
def energy(study: EnergyConfig, watch: Watch) -> list[Row]:
    """Trains the plain network and one for each share of energy, and looks after each epoch.

    Rows of each epoch, 0 being the initial weights: ``test_accuracy``, ``keep_measured`` of the
    first test samples, and ``keep_measured/LAYER`` of each convolution; ``at`` is the share of
    energy.

    What it is given, returns and raises, ``DoStudy`` says.
    """
    book = Book(study)
    tasks = [
        Task(
            book.directory(replace(base, seed=seed, energy=share)),
            at=share,
            probes=(KeepingOfLayers,),
        )
        for base in study.base
        for seed in range(study.seeds)
        for share in (None, *study.energy)
    ]
    for part in book.parts(tasks, watch):
        book.train(part)
    return book.rows()


ENERGY = Study(
    what="what bands by energy keep after each epoch, of each layer",
    title="Bands by energy while a network learns",
    config=EnergyConfig,
    run=energy,
    tables=energy_tables,
    figures=energy_figures,
    notes=energy_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
