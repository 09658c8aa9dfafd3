"""The study ``frequencies``: what networks of several keeps make of each frequency of their input.

The Fourier heat map of Yin et al., "A Fourier Perspective on Model Robustness in Computer Vision",
NeurIPS 2019; and accuracy on inputs of which only low or only high frequencies are left.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import passband as pb
from passband.lab.checks import check_positive
from passband.lab.results import Row
from passband.lab.studies.frequencies_shown import (
    HEAT,
    HIGH,
    LOW,
    frequencies_figures,
    frequencies_notes,
    frequencies_tables,
    mirrored,
)
from passband.lab.studies.grid import alone
from passband.lab.studies.keeps import keeps_of
from passband.lab.studies.looking import Found, LookingConfig, Trained, look_at_each
from passband.lab.studies.study import Study
from passband.lab.studies.watch import Watch

INPUT_KEEPS = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02)


@dataclass(frozen=True, kw_only=True)
class FrequenciesConfig(LookingConfig):
    """The study.

    Attributes:
        sigma: Standard deviation of the wave that is added, in units of the network's input.
        input_keep: Shares of the frequencies that are left of the input.
        samples: Of the test set that are looked at; None takes all.

    Raises:
        TypeError, ValueError: A value is of the wrong type or out of range; the message has it.
    """

    name: ClassVar = "frequencies"
    sigma: float = 1.0
    input_keep: tuple[float, ...] = INPUT_KEEPS
    samples: int | None = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("sigma", self.sigma)
        object.__setattr__(self, "input_keep", keeps_of(self.input_keep, "input_keep"))


@alone
def frequencies(study: FrequenciesConfig, watch: Watch) -> list[Row]:
    """Trains every (data, model, seed, keep), and looks at it frequency by frequency.

    Rows ``heat/K/L``: error with a wave of the frequency (K, L), of which and (-K, -L) there is
    one. Rows ``low_accuracy`` and ``high_accuracy``: of inputs of which a share ``at`` of the
    frequencies is left, the lowest (a disk) or the highest.

    What it is given, returns and raises, ``DoStudy`` says.
    """

    def look(trained: Trained) -> Iterator[Found]:
        batches, model = trained.batches, trained.model
        norm = study.sigma * math.sqrt(math.prod(trained.loaded.space))
        heat = pb.analysis.fourier_heatmap(model, batches, norm)
        sizes = heat.error.shape
        for wave in product(*(range(-(n // 2), n - n // 2) for n in sizes)):
            if wave >= mirrored(wave, sizes):  # of a wave and its mirror image, the later
                place = tuple(k + n // 2 for k, n in zip(wave, sizes, strict=True))
                yield Found(HEAT + "/".join(map(str, wave)), float(heat.error[place]))
        for metric, high in ((LOW, False), (HIGH, True)):
            found = pb.analysis.band_accuracy(model, batches, study.input_keep, high=high)
            for keep, accuracy in zip(study.input_keep, found.accuracies, strict=True):
                yield Found(metric, float(accuracy), keep)

    return look_at_each(study, watch, look, "at each frequency")


FREQUENCIES = Study(
    what="Fourier heat map of each keep, and accuracy on low- and high-passed inputs",
    title="What networks make of each frequency",
    config=FrequenciesConfig,
    run=frequencies,
    tables=frequencies_tables,
    figures=frequencies_figures,
    notes=frequencies_notes,
    pairs=(("mnist-5k", "lenet5"),),
)
