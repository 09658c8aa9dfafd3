"""The tables of the papers, against numbers typed here once more."""

import re
from pathlib import Path

import pytest

import passband.lab.papers
from passband.lab.papers import Point, available, load


def line(figure: str, series: str, metric: str = "test_accuracy") -> dict[float | None, float]:
    """A series by x."""
    found = [p for p in load(figure) if p.series == series and p.metric == metric]
    assert len({p.x for p in found}) == len(found) > 0
    return {p.x: p.value for p in found}


@pytest.mark.parametrize(
    ("figure", "series", "metric", "points"),
    [
        ("icml-table-2.1", "ResNet-18, CIFAR-10", "test_accuracy", {0.5: 0.9232, 0.9: 0.9342}),
        ("icml-table-2.1", "DenseNet-121, CIFAR-100", "test_accuracy", {1: 0.753, 0.7: 0.7366}),
        ("icml-cifar10-fixed", "ResNet-18", "test_accuracy",
         {1: 0.9369, 0.9161: 0.9342, 0.7074: 0.9289, 0.2223: 0.8797, 0.14: 0.8455}),
        ("icml-cifar10-energy", "ResNet-18", "test_accuracy",
         {0.9995: 0.9369, 0.6899: 0.8899, 0.2416: 0.6947}),
        ("icml-cifar10-energy", "ResNet-18", "energy", {0.6899: 0.95, 0.496: 0.9, 0.2416: 0.8}),
        ("icml-cifar10-mixed", "ResNet-18", "test_accuracy", {0.7141: 0.9199, 0.21: 0.7433}),
        ("icml-cifar100-fixed", "DenseNet-121", "test_accuracy", {0.4908: 0.7118, 0.2217: 0.6395}),
        ("icml-cifar100-energy", "DenseNet-121", "test_accuracy", {0.8436: 0.749, 0.2265: 0.624}),
        ("icml-cifar100-energy", "DenseNet-121", "energy", {0.8436: 0.995, 0.2265: 0.95}),
        ("icml-energy-epochs", "energy 0.8", "keep_measured", {1: 0.09, 350: 0.31}),
        ("icml-energy-epochs", "energy 0.95", "keep_measured", {1: 0.59, 350: 0.73}),
        ("icml-cifar10-cross", "trained at keep 1", "test_accuracy", {1: 0.9356, 0.14: 0.1054}),
        ("icml-cifar10-cross", "trained at keep 0.7", "test_accuracy", {0.51: 0.9153}),
        ("icml-cifar10-cross", "trained at keep 0.5", "test_accuracy", {0.51: 0.9229}),
        ("icml-cifar10-cross", "trained at keep 0.15", "test_accuracy", {1: 0.4358, 0.14: 0.8461}),
        ("icml-cifar100-cross", "trained at keep 0.25", "test_accuracy", {0.222: 0.6388}),
        ("icml-cifar100-cross", "trained at keep 0.15", "test_accuracy", {0.142: 0.5862}),
        ("icml-cifar10-resources", "ResNet-18", "relative_memory", {0.917: 0.924, 0.14: 0.688}),
        ("icml-cifar10-resources", "ResNet-18", "relative_time", {0.51: 0.704, 0.146: 0.469}),
        ("icml-cifar10-resources", "ResNet-18", "epoch_seconds", {0.2223: 424}),
        ("icml-cifar100-resources", "DenseNet-121", "relative_memory", {0.222: 0.459}),
        ("icml-cifar100-resources", "DenseNet-121", "relative_time", {0.903: 1.215, 0.146: 0.803}),
        ("icml-gpu-log", "float32", "peak_bytes", {1: 2807037952, 0.25: 1838153728}),
        ("icml-gpu-log", "float16", "peak_bytes", {0.25: 1385168896}),
        ("icml-against-cudnn", "ResNet-18, forward", "relative_time", {1: 3.35, 0.9: 2.76}),
        ("icml-measured-rate", "ResNet-18", "keep_measured",
         {0.999: 0.9168, 0.9: 0.8812, 0.52: 0.4845, 0.16: 0.14, 0.15: 0.1201}),
        ("icml-measured-rate", "ResNet-18, linear on each axis", "keep_measured", {0.5: 0.2223}),
        ("icml-measured-rate", "DenseNet-121", "keep_measured", {0.97: 0.9304, 0.16: 0.1422}),
        ("icml-ucr", "TwoPatterns", "test_accuracy", {1: 0.8715, 0.99: 0.8825, 0.9: 0.938}),
        ("icml-ucr", "CricketX", "test_accuracy", {1: 0.6026, 0.9: 0.5974}),
        ("icml-ucr", "SwedishLeaf", "test_accuracy", {1: 0.9456}),
        ("icml-ucr-spectra", "first layer, mean of 85 problems", "keep_measured", {0.99: 0.717}),
        ("icml-noise-gaussian", "keep 1", "test_accuracy", {0: 0.935, 0.3: 0.738, 2: 0.111}),
        ("icml-noise-gaussian", "keep 0.15", "test_accuracy", {0.3: 0.786, 1.5: 0.218}),
        ("icml-noise-gaussian", "keep 1, stopped early", "test_accuracy", {0.5: 0.427}),
        ("icml-noise-uniform", "keep 0.15", "test_accuracy", {0.1: 0.841, 0.7: 0.188}),
        ("icml-pixels", "keep 1", "test_accuracy", {10: 0.73, 500: 0.095}),
        ("icml-local-search", "keep 0.15", "test_accuracy", {10: 0.1}),
        ("icml-blur", "keep 0.15", "test_accuracy", {0.05: 0.64}),
        ("icml-fgsm", "keep 0.15", "test_accuracy", {0.001: 0.775, 0.1: 0.053}),
        ("icml-contrast", "keep 1", "test_accuracy", {0.8: 0.337}),
        ("icml-rotation", "keep 1", "test_accuracy", {20: 0.615}),
        ("icml-translation", "keep 0.15", "test_accuracy", {6: 0.21}),
        ("icml-input-band", "ResNet-18", "test_accuracy", {0.15: 0.8673}),
        ("icml-mnist", "Net", "test_accuracy", {1: 0.9907}),
        ("icml-svhn", "ResNet-18", "test_accuracy", {1: 0.954}),
        ("specnet-table2", "vDNN, VGG", "relative_memory", {None: 0.38}),
        ("specnet-table2", "SpecNet, DenseNet", "relative_memory", {None: 0.37}),
    ],
)  # fmt: skip
def test_numbers(figure: str, series: str, metric: str, points: dict[float | None, float]) -> None:
    found = line(figure, series, metric)
    assert {x: found[x] for x in points} == points


def test_how_many_there_are() -> None:
    sizes = {name: len(load(name)) for name in available()}
    assert len(sizes) == 29
    assert sizes["icml-cifar10-cross"] == 4 * 18
    assert sizes["icml-cifar100-cross"] == 4 * 15
    assert sizes["icml-noise-gaussian"] == 5 * 11
    assert sizes["icml-cifar10-fixed"] == 15
    assert sizes["specnet-table2"] == 9  # a DenseNet that saves memory is no VGG


@pytest.mark.parametrize("figure", available())
def test_every_table_is_sound(figure: str) -> None:
    points = load(figure)
    assert {point.figure for point in points} == {figure}
    assert len(set(points)) == len(points)
    for point in points:
        assert point.source
        if point.x_name in ("keep", "keep_measured", "energy"):
            assert point.x is not None
            assert 0 < point.x <= 1
        if point.metric in ("test_accuracy", "keep_measured", "energy"):
            assert 0 < point.value <= 1
        if point.metric.startswith("relative"):
            assert 0.3 < point.value < 4


@pytest.mark.parametrize("figure", ["icml-cifar10-cross", "icml-cifar100-cross"])
def test_beyond_sixty_percent_the_rate_of_training_is_the_best_to_test_at(figure: str) -> None:
    lines = {s: line(figure, s) for s in dict.fromkeys(p.series for p in load(figure))}
    best = {x: max(lines, key=lambda series: lines[series][x]) for x in lines["trained at keep 1"]}
    assert best[1] == "trained at keep 1"
    narrowest = min(x for x in best if x is not None)
    assert best[narrowest] == "trained at keep 0.15"
    # Further down no network does better than one trained with about that band.
    keeps = [float(series.split()[-1]) for x, series in best.items() if x is not None and x < 0.4]
    assert keeps == sorted(keeps, reverse=True)
    for name, values in lines.items():
        if name in ("trained at keep 0.25", "trained at keep 0.15"):
            trained = float(name.split()[-1])
            peak = max(values, key=lambda x: values[x])
            assert peak == pytest.approx(trained, abs=0.06)


def test_band_limited_training_withstands_noise_from_some_sigma_on() -> None:
    full, band = (line("icml-noise-gaussian", f"keep {keep}") for keep in (1, 0.15))
    ahead = [sigma for sigma in full if band[sigma] > full[sigma]]
    assert ahead == [0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2]
    full, band = (line("icml-fgsm", f"keep {keep}") for keep in (1, 0.15))
    assert all(band[epsilon] < full[epsilon] for epsilon in full)  # but not gradients


def test_a_fixed_band_is_better_than_energy_at_the_same_rate() -> None:
    for name in ("cifar10", "cifar100"):
        of = "ResNet-18" if name == "cifar10" else "DenseNet-121"
        fixed, energy = (line(f"icml-{name}-{kind}", of) for kind in ("fixed", "energy"))
        for x, value in energy.items():
            assert x is not None
            less = max(at for at in fixed if at is not None and at <= x + 0.02)
            if x < 0.8:
                assert value < fixed[less]


def test_an_unknown_figure_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"'icml-cifar10-fix'.*did you mean 'icml-cifar10-fixed'"):
        load("icml-cifar10-fix")
    with pytest.raises(ValueError, match=re.escape("unknown figure '../papers/icml-ucr'")):
        load("../papers/icml-ucr")


@pytest.mark.parametrize(
    ("change", "told"),
    [({"read": "eye"}, "read is exact or plot; got 'eye'"), ({"x": None}, "got None and 'keep'")],
)
def test_a_point_is_checked(change: dict[str, str | None], told: str) -> None:
    values = {"figure": "f", "series": "s", "x": 0.5, "x_name": "keep", "metric": "m", "value": 1.0}
    with pytest.raises(ValueError, match=re.escape(told)):
        Point(**{**values, "source": "code", "read": "exact", **change})  # type: ignore[arg-type]


def test_tables_lie_beside_their_loader() -> None:
    folder = Path(passband.lab.papers.__file__).parent
    assert {path.stem for path in folder.glob("*.csv")} == set(available())
