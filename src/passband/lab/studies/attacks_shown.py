"""Tables and figures of the study ``attacks``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from passband.lab.attacks import ATTACKS, FOR
from passband.lab.curves import accuracy_curves, legend
from passband.lab.figures import Figure, figure
from passband.lab.results import Row, Summary, summarise
from passband.lab.studies.attacks_checked import checks_table
from passband.lab.studies.pairs import by_pair
from passband.lab.studies.strength_shown import by_metric, lines, network
from passband.lab.studies.study import Lines
from passband.lab.table import cell

ACCURACY = "accuracy_"
_CLEAN = "clean"
_PIXELS = "by_pixels"
_WORST = {
    "worst_linf": "worst, largest change",
    "worst": "worst of all",
}


def attacks_tables(rows: Sequence[Row]) -> dict[str, Lines]:
    """Accuracies by attack, network and epsilon; least changes; the checks."""
    tables: dict[str, Lines] = {}
    for (data, model), mine in by_pair(rows).items():
        if len(accuracies := _accuracies(mine)) > 1:
            tables[_title(data, model)] = accuracies
        if least := _least(mine):
            tables[f"{model} on {data}: least changes"] = least
        if by_pixels := by_metric(mine, ACCURACY).get(_PIXELS):
            tables[f"{model} on {data}: accuracy (%) by changed pixels"] = _pixels(mine, by_pixels)
        if checks := checks_table(mine):
            tables[f"{model} on {data}: checks of the attacks"] = checks
    return tables


def attacks_figures(rows: Sequence[Row], directory: Path) -> dict[str, list[Figure]]:
    """A drawing for each attack: accuracy over epsilon, a line for each network."""
    drawn = {}
    for (data, model), mine in by_pair(rows).items():
        metrics = by_metric(mine, ACCURACY)
        drawn[_title(data, model)] = [
            figure(
                (data, model, "attack", name), f"{model} on {data}: {_words(name)}",
                partial(_paint, rows=_with_clean(metrics, name), name=name),
            )
            for name in metrics
            if name != _CLEAN
        ]  # fmt: skip
    return drawn


def attacks_notes(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """How to read them."""
    yield (
        "Maps are attacked in [0, 1], where 0 and 1 are the least and the greatest value of a "
        "channel in the training set (black and white of images; 1/255 is one step of 8 bits). An "
        "<b>epsilon</b> is a share of that range: the largest change of a value for fgsm, pgd and "
        "autoattack; for the others, which look for the least change, the root mean square of all "
        "changes, a ball that holds the former. Values of the test set beyond the range are cut "
        "off first. Norms in the table of least changes are Euclidean, of the whole map; inf says "
        "that half of the samples or more held."
    )
    if looked := _looked(rows):
        yield f"Each network was attacked with {escape(looked)}."
    yield (
        "The column <b>0</b> is accuracy without an attack, on the samples that are attacked; it "
        "is what lines are to be compared from, since a narrow band has less to lose. What is "
        "wrong there counts as broken at every epsilon, and is not attacked."
    )
    yield (
        "Every accuracy is an <b>upper bound</b>: a better attack may find what these did not. "
        "<b>worst of all</b> counts a sample only if no attack of the list broke it there or at a "
        "smaller epsilon, <b>worst, largest change</b> only if none did within that change of "
        "each value. What attacks that "
        "see no gradient leave (boundary, pixels, salt-pepper) is a bound against such attackers "
        "alone and no robustness."
    )
    yield (
        "Attacks know the band: gradients are exact at every keep, and of a band by energy they go "
        "through the frequencies that were selected. So attacks along the gradient lose nothing to "
        "a fixed band; of a band by energy they do not follow how a change alters the selection, "
        "and may lose by it. The paper's own numbers say so: under FGSM its ResNet-18 at keep 0.15 "
        "does worse than at keep 1 at each epsilon (26.5 % against 57.5 % at 0.01). No claim of "
        "robustness against attacks follows from a band."
    )
    yield from _left_out(rows, run.get("attacks") or ())
    names = {row.metric.removeprefix(ACCURACY) for row in rows}
    if any(row.variant.startswith("energy") for row in rows):
        yield (
            "A band by <b>energy</b> is chosen for a whole batch, here of all attacked samples: "
            "what the change of one does depends on the others. Attacks of least changes, which "
            "put together maps of different steps, are weak on such a network: read fgsm and pgd."
        )
    if "pgd-bpda" in names:
        yield (
            "A threshold's true gradient says nothing of the coefficients that it zeroes, and that "
            "of rounding is zero; <b>pgd-bpda</b> lets the gradient pass straight through "
            "(Athalye et al. 2018). It knows passband's own such layers, and no others."
        )
    if "pgd-eot" in names:
        yield (
            "The network draws random numbers: accuracies are of mean logits over 10 draws, and "
            "<b>pgd-eot</b> follows the mean gradient of as many."
        )
    if "autoattack" not in names:
        yield (
            "AutoAttack is not part of this: no package that has it (autoattack, torchattacks) is "
            "installed, or it was not asked for. <b>worst of all</b> stands in its place and is "
            "weaker."
        )
    yield (
        f"Attacks along the gradient have {escape(str(run.get('steps')))} steps and "
        f"{escape(_counted(run.get('restarts')))}; cw has 5 searches of 3 times as many "
        "steps, boundary and salt-pepper 25 times as many. That is little for decision-based "
        "attacks. They are Foolbox's; the local search over pixels is passband's own."
    )
    yield (
        "<b>Checks</b> are signs of attacks that are too weak or gradients that mislead (Athalye "
        "et al. 2018; Carlini et al. 2019); a FAIL says that accuracies of that network are not to "
        "be trusted as they are, and <b>says nothing</b> that the attack did no more than noise, "
        "or that nothing broke. They are made with the strongest of pgd, pgd-bpda and pgd-eot that "
        "is for such a network, without a random start, at the smallest epsilon at which it leaves "
        "the plain network of the same seed less than half of its accuracy, else the largest: "
        f"{_checked_at(rows)}. Of random networks they are means of 5 looks, and differences that "
        "such looks have among each other do not fail them. Accuracies are in percent of the "
        "samples that are right without an attack, and numbers those of the first seed, or the "
        "first that fails. <b>loss rises</b>: cross entropy before the first step and after the "
        "last. <b>more steps help</b>: what a quarter of the steps and all of them leave. <b>steps "
        "are enough</b>: what they and twice as many leave, within 2. <b>pgd ≤ fgsm</b>: what fgsm "
        "and the strongest pgd leave where that does worst beside it, within 2. <b>0 at a large "
        "epsilon</b>: what is left at 0.5, where every map can be grey. <b>noise ≥ pgd</b>: what "
        "changes of the same size and random sign leave. <b>transfer ≥ pgd</b>: what maps leave "
        "that were made on the plain network of the same seed. <b>cw ≤ deepfool</b>, <b>cw ≤ "
        "boundary</b>: their median norms, within 5 % of deepfool's, whose single line a search "
        "should not be far behind; an attack without gradients that finds smaller changes says "
        "that gradients hide something."
    )
    if {"icml-fgsm", "icml-local-search"} & set(run.get("paper") or ()):
        yield (
            "The paper's epsilon is a share of the range of <i>standardised</i> pixels, which is "
            "some five of their units, so the same share of black to white as here."
        )


def _left_out(rows: Sequence[Row], asked: Iterable[str]) -> Iterable[str]:
    """A sentence for each attack that was asked for and is not for all of the networks."""
    for name in asked:
        nets = []
        for (data, model), mine in by_pair(rows).items():
            metrics = by_metric(mine, ACCURACY)
            under = {network(row) for row in metrics.get(name, ())}
            every = dict.fromkeys(network(row) for row in metrics.get(_CLEAN, ()))
            nets += [f"{net} of {model} on {data}" for net in every if net not in under]
        if nets:
            kind = FOR[ATTACKS[name].of] if name in ATTACKS else "others"
            yield (
                f"<b>{escape(name)}</b> is for {kind}; it was left out for "
                f"{escape(', '.join(nets))}."
            )


def _counted(restarts: object) -> str:
    return f"{restarts} random start{'' if restarts == 1 else 's'}"


def _looked(rows: Sequence[Row]) -> str:
    """How many samples of the test set were attacked, by data where they differ."""
    found: dict[str, set[int]] = {}
    for row in rows:
        if row.metric == "looked":
            found.setdefault(row.data, set()).add(int(row.value))
    return "; ".join(
        f"{', '.join(map(str, sorted(counts)))} samples of the test set of {data}"
        for data, counts in found.items()
    )


def _checked_at(rows: Sequence[Row]) -> str:
    found = sorted({row.at for row in rows if row.metric == "check_noise" and row.at})
    return ", ".join(f"{at:g}" for at in found)


def _title(data: str, model: str) -> str:
    return f"{model} on {data}: accuracy (%) by epsilon"


def _words(name: str) -> str:
    if name in _WORST:
        return _WORST[name]
    if name == _PIXELS:
        return "pixels, by how many"
    return f"{name}, {ATTACKS[name].what}" if name in ATTACKS else name


def _accuracies(rows: Sequence[Row]) -> Lines:
    metrics = by_metric(rows, ACCURACY)
    found = {name: lines(of) for name, of in metrics.items() if name != _PIXELS}
    clean = found.pop(_CLEAN, {})
    places = sorted({at for line in found.values() for one in line.values() for at in one})
    table: Lines = [("attack", "network", "0", *(f"{at:g}" for at in places))]
    for name, of_attack in found.items():
        for net, line in of_attack.items():
            cells = (cell(line.get(at), 100, 1) for at in places)
            table.append((_short(name), net, _first(clean, net), *cells))
    return table


def _pixels(rows: Sequence[Row], by_pixels: Sequence[Row]) -> Lines:
    clean = lines(by_metric(rows, ACCURACY).get(_CLEAN, []))
    found = lines(by_pixels)
    places = sorted({at for line in found.values() for at in line})
    return [
        ("network", "0", *(f"{at:g}" for at in places)),
        *((net, _first(clean, net), *(cell(line.get(at), 100, 1) for at in places))
          for net, line in found.items()),
    ]  # fmt: skip


def _first(clean: Mapping[str, Mapping[float, Summary]], net: str) -> str:
    return cell(next(iter(clean.get(net, {}).values()), None), 100, 1)


def _least(rows: Sequence[Row]) -> Lines:
    """The median Euclidean norm that breaks a sample, a column for each network."""
    metrics = by_metric(rows, "median_l2_")
    found = {name: {network(one): one for one in summarise(of)} for name, of in metrics.items()}
    nets = list(dict.fromkeys(net for of in found.values() for net in of))
    table = [(name, *(cell(of.get(net), 1, 3) for net in nets)) for name, of in found.items()]
    return [("median Euclidean norm", *nets), *table] if table else []


def _short(name: str) -> str:
    return _WORST.get(name, name)


def _with_clean(metrics: Mapping[str, Sequence[Row]], name: str) -> list[Row]:
    """Rows of an attack, and before them at 0 what is right without one."""
    return [*(replace(row, at=0.0) for row in metrics.get(_CLEAN, ())), *metrics[name]]


def _paint(axes: Axes, rows: Sequence[Row], name: str) -> None:
    accuracy_curves(axes, ((network(row), row.at or 0.0, row.value) for row in rows))
    axes.set(title=_short(name), ylabel="test accuracy (%)", ylim=(-2, 102))
    if name == _PIXELS:
        axes.set(title="pixels", xlabel="changed pixels")
    else:
        least = min(row.at for row in rows if row.at)
        # Epsilons span powers of ten, and 0 belongs to them.
        axes.set_xscale("symlog", linthresh=least, linscale=0.5)
        norm = ATTACKS[name].norm if name in ATTACKS else "linf" if name == "worst_linf" else "rms"
        words = "largest change" if norm == "linf" else "root mean square"
        axes.set(xlabel=f"epsilon ({words})", xlim=(0, None))
    legend(axes)
