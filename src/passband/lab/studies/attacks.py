"""The study ``attacks``: how accuracy falls under attacks that know the network, at each keep."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from passband.lab import attacks as known
from passband.lab.attacks import Attack, Budget, Network, OnUnit, available
from passband.lab.attacks.package import foolbox
from passband.lab.checks import check_choice, check_count, check_keep, check_positive
from passband.lab.config import TrainConfig
from passband.lab.data.extent import extent
from passband.lab.models.by_path import is_path
from passband.lab.results import Row
from passband.lab.studies.attacks_shown import attacks_figures, attacks_notes, attacks_tables
from passband.lab.studies.grid import alone
from passband.lab.studies.looking import Found, LookingConfig, Trained, look_at_each, tasks_of_keeps
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch

EPSILONS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, kw_only=True)
class AttacksConfig(LookingConfig):
    """The study.

    Attributes:
        energy: Shares of energy that bands hold, each a network more, whose bands depend on what
            it is shown.
        attacks: Names, of ``passband.lab.attacks.ATTACKS``; None takes all that can be run here.
        epsilons: Strengths, in shares of the range of the data.
        steps: Of attacks along the gradient; others take multiples of it.
        restarts: Of attacks that begin at random.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "attacks"
    keep: tuple[float | None, ...] = (None, 0.5, 0.25)
    seeds: int = 2
    samples: int | None = 200
    energy: tuple[float, ...] = ()
    attacks: tuple[str, ...] | None = None
    epsilons: tuple[float, ...] = EPSILONS
    steps: int = 20
    restarts: int = 1

    def __post_init__(self) -> None:
        for share in self.energy:
            check_keep(share, "energy")
        for name in self.attacks or ():
            check_choice("attacks", name, tuple(known.ATTACKS))
            self._check_applies(known.ATTACKS[name])
        if self.attacks == () or not self.epsilons:
            raise ValueError(
                f"attacks and epsilons are at least one; got {self.attacks} and {self.epsilons}"
            )
        for epsilon in self.epsilons:
            check_positive("epsilons", epsilon)
            if epsilon > 1:
                raise ValueError(f"epsilons are shares of the range, at most 1; got {epsilon!r}")
        check_count("steps", self.steps)
        check_count("restarts", self.restarts)
        super().__post_init__()
        object.__setattr__(self, "epsilons", tuple(sorted(set(map(float, self.epsilons)))))
        object.__setattr__(self, "energy", tuple(dict.fromkeys(map(float, self.energy))))
        if self.attacks is not None:
            object.__setattr__(self, "attacks", tuple(dict.fromkeys(self.attacks)))

    def _check_applies(self, attack: Attack) -> None:
        """Refuses an attack that is for none of the networks, as far as their names tell."""
        if attack.of == "any" or not self.base:
            return
        for run in self.base:
            # What a path leads to is not known yet.
            if is_path(run.model) or (attack.of == "misleading" and run.spectral):
                return
        models = ", ".join(dict.fromkeys(run.model for run in self.base))
        raise ValueError(
            f"attacks: {attack.name} is for {known.FOR[attack.of]}, of which there is none among "
            f"{models}; leave it out"
        )

    @property
    def budget(self) -> Budget:
        """How hard is tried."""
        return Budget(self.steps, self.restarts)


@alone
def attacks(study: AttacksConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and attacks its last weights.

    Rows: ``accuracy_clean`` of the unit maps; ``accuracy_NAME`` with the epsilon in ``at``;
    ``median_l2_NAME`` of attacks that look for the least change; ``accuracy_by_pixels`` with the
    number of changed pixels in ``at``; ``accuracy_worst_linf`` and ``accuracy_worst``, of samples
    that no attack broke; ``check_NAME``, what the checks are made of.

    What it is given, returns and raises, ``DoStudy`` says.

    Raises:
        ImportError: Foolbox is not installed, or AutoAttack where it is asked for; the message says
            what to install.
    """
    foolbox()
    names = available() if study.attacks is None else study.attacks
    if missing := set(names) - set(available()):
        raise ImportError(f"no package for {', '.join(missing)} can be imported here")
    look = partial(_attacked, study, [known.ATTACKS[name] for name in names])
    return look_at_each(study, watch, look, "under attack", partial(_tasks, study))


def _tasks(study: AttacksConfig, run: TrainConfig) -> Iterator[Task]:
    yield from tasks_of_keeps(study, run)
    for share in () if run.spectral else study.energy:
        yield Task(replace(run, energy=share), variant=f"energy {share:g}")


def _attacked(study: AttacksConfig, attacks: list[Attack], trained: Trained) -> Iterator[Found]:
    """All numbers of one network."""
    run, spread = trained.run, extent(trained.loaded)
    network = Network(OnUnit(trained.inner, spread), trained.batches, study.epsilons, run.seed)
    yield Found("accuracy_clean", network.right)
    for number in network.under(attacks, study.budget):
        yield Found(*number)
    if run.keep is None and run.energy is None:
        plain = None
    else:
        other = trained.other(replace(run, keep=None, energy=None))
        plain = OnUnit(other, spread)
    for number in network.checked(study.budget, plain):
        yield Found(*number)


ATTACKS = Study(
    what="accuracy of each keep under attacks that know the network",
    title="Attacks",
    config=AttacksConfig,
    run=attacks,
    tables=attacks_tables,
    figures=attacks_figures,
    notes=attacks_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
