"""Ways to train in less memory that SpecNet's table 2 compares, and its figures for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from torch import nn

import passband as pb
from passband.lab.bench.memory.technique import PLAIN, Technique, apply
from passband.lab.data import LabeledData, first
from passband.lab.papers import load
from passband.lab.studies.dense import has_dense_blocks, memory_efficient
from passband.lab.studies.offload import HostOffloaded

_EXACT = pb.MemoryPolicy.exact()
Trained = Literal["plain", "band", "spec", "spec_bn"]


@dataclass(frozen=True)
class Method:
    """One way.

    Attributes:
        name: In the variant of its rows.
        label: What the table calls it.
        trained: Which training its weights and accuracy are of: exact ways learn what the plain
            network learns.
        technique: How the network is run.
        whose: Of whose method it is, as the paper names it; empty if it compares with none like it.
    """

    name: str
    label: str
    trained: Trained = "plain"
    technique: Technique = PLAIN
    whose: str = ""

    @property
    def paper(self) -> Mapping[str, float]:
        """The paper's relative memory on CIFAR-10, by plain network."""
        return published(self.whose)


_NETWORKS = {"VGG": "vgg16", "DenseNet": "densenet_table1"}


@cache
def published(whose: str) -> Mapping[str, float]:
    """Relative memory of a method in the paper's table 2, by plain network; empty of others."""
    of_networks = {}
    for point in load("specnet-table2"):
        name, _, network = point.series.rpartition(", ")
        if name == whose:
            of_networks[_NETWORKS[network]] = point.value
    return of_networks


METHODS = (
    Method("plain", "plain"),
    Method("spec", "spectral", "spec", whose="SpecNet"),
    Method("spec_bn", "spectral, batch norm", "spec_bn"),
    Method("checkpoint", "checkpoint each block", technique=Technique("", regions="whole")),
    Method("dense", "checkpoint 1x1 of dense layers", whose="memory-efficient DenseNet"),
    Method("offload", "offload", technique=Technique("", offload=True), whose="vDNN"),
    Method("exact", "recompute norm, activation", technique=Technique("", policy=_EXACT),
           whose="InPlace-ABN"),
    Method("band", "band, recompute", "band", Technique("", policy=_EXACT)),
)  # fmt: skip
# What the paper compares with and nothing here is like: swapping chosen from the dataflow graph.
PAPER_ONLY = {whose: published(whose) for whose in ("Meng et al.",)}


def methods_for(model: nn.Module, trained: Mapping[Trained, object]) -> list[Method]:
    """Those that there are for a plain network.

    Args:
        model: The network.
        trained: What can be trained in its place.
    """
    dense = has_dense_blocks(model)
    return [one for one in METHODS if one.trained in trained and (one.name != "dense" or dense)]


def prepared(method: Method, model: nn.Module, loaded: LabeledData, device: str) -> nn.Module:
    """A trained network as the method runs it.

    Args:
        method: Which one.
        model: With the weights of its training; do not use it any more.
        loaded: The data.
        device: ``cpu`` or ``cuda``.
    """
    if method.name == "dense":
        return memory_efficient(model)
    if method.technique.offload and device == "cpu":
        return HostOffloaded(model)
    example = first(loaded.train, 2)[0].to(device)
    return apply(method.technique, model, example)[0]
