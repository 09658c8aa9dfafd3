"""The figures and tables of the two papers: one csv beside this file for each.

They are in our words. A rate of compression of c percent is a keep of ``1 - c / 100``, and an
accuracy a share, so ``x_name`` and ``metric`` are columns and metrics of ``results.csv`` where
these have them. How to read the numbers of Dziedzic et al. (ICML 2019), the tables ``icml-*``:

- Most rates are measured ones (``keep_measured``), with the transform lengths of ``fft_size=
  "reference"``: any cut costs 8 % of the coefficients there, and "C=50" is 51.5 %, "C=85" 86 %.
  Series such as ``keep 0.5`` have the paper's round label.
- Accuracy is the best of all epochs on the test set, of a single seed. Models that were trained in
  different weeks have 93.69, 93.48 and 93.56 % at keep 1.
- Some points of ``icml-cifar10-fixed`` were run with another meaning of the rate, linear on each
  axis; their measured rates are right. ``icml-measured-rate`` has both.
- Memory and time are over those of the same network with FFT convolutions that cut nothing; over
  ``nn.Conv2d`` see ``icml-against-cudnn``.
- In ``icml-cifar*-energy`` the metric ``energy`` says what was preserved, where it is known.
  ``icml-cifar10-mixed``, a part by energy and the rest at a fixed rate, was never published; nobody
  says whether the parts are layers or epochs.
- Noise is in units of the standardised pixels; ``epsilon`` is a share of their range, some 5.2.
  Accuracy is over 10 000 images (uniform noise, pixels), 1000 (FGSM, contrast), 200 (rotation) or
  100 (local search, blur).
- Series of ``icml-ucr`` are of the archive of 2015, under today's names.

Of Guan et al. (SpecNet) only table 2 has numbers in the text; figures 3 and 4 have none.
"""

from dataclasses import dataclass
from pathlib import Path

from passband.lab import tidy
from passband.spelling import meant

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Point:
    """One published number.

    Attributes:
        figure: The figure or table it is of, as in ``available``.
        series: The line, column or network.
        x: Where; None if the series is a single number.
        x_name: What x is, for instance ``keep``, ``keep_measured``, ``energy`` or ``epoch``.
        metric: What was measured.
        value: The measurement.
        source: Where the number is from.
        read: ``exact``, or ``plot`` if it was read from the paths of a plot, to some 0.001.
    """

    figure: str
    series: str
    x: float | None
    x_name: str
    metric: str
    value: float
    source: str
    read: str

    def __post_init__(self) -> None:
        if self.read not in ("exact", "plot"):
            raise ValueError(f"read is exact or plot; got {self.read!r}")
        if (self.x is None) != (not self.x_name):
            raise ValueError(f"x and x_name go together; got {self.x} and {self.x_name!r}")


def available() -> tuple[str, ...]:
    """The figures that ``load`` knows.

    Example:
        >>> "icml-cifar10-fixed" in available()
        True
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.csv")))


def load(figure: str) -> tuple[Point, ...]:
    """The points of a figure or table, series by series.

    Raises:
        ValueError: There is no such figure.

    Example:
        >>> [(point.series, point.value) for point in load("specnet-table2")][-1]
        ('SpecNet, DenseNet', 0.37)
    """
    if figure not in available():
        raise ValueError(
            f"unknown figure {figure!r}: there is {', '.join(available())}"
            f"{meant(figure, available())}"
        )
    return tuple(tidy.read(_FOLDER / f"{figure}.csv", Point))
