"""The study ``noise``: accuracy of each trained keep under random noise and blur of its input.

The noise figure of Dziedzic et al. (ICML 2019; in the thesis proposal figure 2.5), whose networks
meet noise in the test only; here they may be trained in it as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from passband.lab.checks import check_choice, check_positive
from passband.lab.config import TrainConfig
from passband.lab.data.extent import extent
from passband.lab.data.noise import NOISES
from passband.lab.evaluation import accuracy
from passband.lab.results import Row
from passband.lab.studies.grid import alone
from passband.lab.studies.looking import Found, LookingConfig, Trained, look_at_each, tasks_of_keeps
from passband.lab.studies.noise_shown import METRIC, noise_figures, noise_notes, noise_tables
from passband.lab.studies.study import Study
from passband.lab.studies.task import Task
from passband.lab.studies.watch import Watch


@dataclass(frozen=True, kw_only=True)
class NoiseConfig(LookingConfig):
    """The study.

    Attributes:
        noises: Kinds of noise, of ``NOISES``; each is tested at its own strengths.
        strengths: At which all of them are tested instead.
        train_noise: Strengths of noise in training (of ``noise_kind``); each trains all keeps.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "noise"
    noises: tuple[str, ...] = tuple(NOISES)
    strengths: tuple[float, ...] = ()
    train_noise: tuple[float, ...] = field(default=(0.0,))

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.noises:
            check_choice("noises", name, tuple(NOISES))
        for strength in self.strengths:
            check_positive("strengths", strength, or_zero=True)
        if not self.noises or not self.train_noise:
            raise ValueError("noises and train_noise are one or more; got none")
        units = {NOISES[name].unit for name in self.noises}
        if self.strengths and len(units) > 1:
            raise ValueError(
                f"strengths are of one unit, but {', '.join(self.noises)} have {len(units)}: "
                f"{'; '.join(sorted(units))}; name noises of one unit"
            )
        most = min(NOISES[name].most for name in self.noises)
        if any(strength > most for strength in self.strengths):
            raise ValueError(f"shares are at most {most:g}; got strengths {self.strengths}")
        for name in ("noises", "strengths", "train_noise"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))


@alone
def noise(study: NoiseConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and tests it in each noise at each strength.

    Rows ``accuracy_KIND``: ``at`` is the strength. Networks of one seed meet the same noise. A
    network that was trained in noise has its strength in its variant: ``band +0.5``.

    What it is given, returns and raises, ``DoStudy`` says.
    """

    def tested(trained: Trained) -> Iterator[Found]:
        spread = extent(trained.loaded)
        for name in study.noises:
            kind = NOISES[name]
            for strength in study.strengths or kind.strengths:
                batches = [
                    (kind(maps, strength, 1000 * trained.run.seed + number, spread), labels)
                    for number, (maps, labels) in enumerate(trained.batches)
                ]
                yield Found(METRIC + name, accuracy(trained.model, batches), strength)

    def tasks(run: TrainConfig) -> Iterator[Task]:
        for sigma in study.train_noise:
            for task in tasks_of_keeps(study, replace(run, noise=sigma)):
                named = f"{task.run.variant} +{sigma:g}" if sigma else None
                yield replace(task, variant=named)

    return look_at_each(study, watch, tested, "in noise", tasks)


NOISE = Study(
    what="accuracy of each keep under random noise and blur, in the test or in training too",
    title="Random noise and blur",
    config=NoiseConfig,
    run=noise,
    tables=noise_tables,
    figures=noise_figures,
    notes=noise_notes,
    pairs=(("mnist-5k", "lenet5"), ("ucr:GunPoint", "fcn")),
)
