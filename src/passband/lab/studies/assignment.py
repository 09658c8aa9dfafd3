"""A keep for each layer under a budget: greedy, by accuracy lost for what is saved."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Literal

from torch import Tensor, nn

import passband as pb

Budget = Literal["time", "bytes"]
BUDGETS: tuple[Budget, ...] = ("time", "bytes")
Table = Mapping[tuple[str, float], float]
"""A number for each layer and keep."""


def layer_costs(
    model: nn.Module, example: Tensor, bands: Mapping[float, pb.Band], budget_of: Budget
) -> dict[tuple[str, float], float]:
    """What each convolution costs in training with each band, by its plan.

    Args:
        model: Band-limited; its band is changed.
        example: A batch ``(N, C, *space)``.
        bands: By what they are called, their keep.
        budget_of: Estimated seconds of forward and backward (the library's cost model), or bytes of
            the input or of its spectrum that the convolution holds.
    """
    found = {}
    for keep, band in bands.items():
        pb.set_band_(model, band)
        for row in pb.report(model, example).converted:
            if budget_of == "bytes":
                found[row.name, keep] = float(sum(plan.held_bytes for plan in row.plans))
            else:
                found[row.name, keep] = sum(plan.costs[plan.way] for plan in row.plans)
    return found


def plain_cost(model: nn.Module, example: Tensor, budget_of: Budget) -> float:
    """What all convolutions of the plain network cost; at keep 1 the default way is ``nn.Conv``.

    Args:
        model: The plain network; it is changed.
        example: A batch ``(N, C, *space)``.
        budget_of: As for ``layer_costs``.
    """
    whole = pb.Band(keep=1)
    pb.convert_(model, whole, example=example)
    return sum(layer_costs(model, example, {1.0: whole}, budget_of).values())


def assign(
    layers: Sequence[str], keeps: Sequence[float], costs: Table, accuracy: Table, budget: float
) -> dict[str, float]:
    """The keeps of layers, all at 1 to begin with, until they cost no more than the budget.

    Each step narrows the layer, to the keep, that loses least accuracy for what it saves; of two
    that lose nothing the one that saves more.

    Args:
        layers: Their names.
        keeps: Candidates below 1.
        costs: Of each at each keep, 1 too.
        accuracy: With that layer alone at that keep, the others at 1; at keep 1 that of all.
        budget: What all together may cost.

    Returns:
        A keep for each; where the budget cannot be reached, what comes nearest by these steps.
    """
    chosen = dict.fromkeys(layers, 1.0)
    while sum(costs[item] for item in chosen.items()) > budget:
        moves = []
        for name, keep in product(layers, keeps):
            saved = costs[name, chosen[name]] - costs[name, keep]
            if keep < chosen[name] and saved > 0:
                lost = max(0.0, accuracy[name, chosen[name]] - accuracy[name, keep])
                moves.append((lost / saved, -saved, name, keep))
        if not moves:
            break
        _, _, name, keep = min(moves)
        chosen[name] = keep
    return chosen
