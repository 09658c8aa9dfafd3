"""Ways to train in less memory that SpecNet's table 2 compares, and its figures for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

import passband as pb
from passband.lab.bench.memory.technique import PLAIN, Technique, apply
from passband.lab.data import LabeledData, first
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
        paper: The paper's relative memory on CIFAR-10, by plain network.
        whose: Of whose method that is, as the paper names it.
    """

    name: str
    label: str
    trained: Trained = "plain"
    technique: Technique = PLAIN
    paper: Mapping[str, float] = field(default_factory=dict, hash=False)
    whose: str = ""


METHODS = (
    Method("plain", "plain"),
    Method("spec", "spectral", "spec", paper={"vgg16": 0.37, "densenet_table1": 0.37},
           whose="SpecNet"),
    Method("spec_bn", "spectral, batch norm", "spec_bn"),
    Method("checkpoint", "checkpoint each block", technique=Technique("", regions="whole")),
    Method("dense", "checkpoint 1x1 of dense layers", paper={"densenet_table1": 0.44},
           whose="memory-efficient DenseNet"),
    Method("offload", "offload", technique=Technique("", offload=True),
           paper={"vgg16": 0.38, "densenet_table1": 0.39}, whose="vDNN"),
    Method("exact", "recompute norm, activation", technique=Technique("", policy=_EXACT),
           paper={"vgg16": 0.52, "densenet_table1": 0.58}, whose="InPlace-ABN"),
    Method("band", "band, recompute", "band", Technique("", policy=_EXACT)),
)  # fmt: skip
# What the paper compares with and nothing here is like: swapping chosen from the dataflow graph.
PAPER_ONLY = {"Meng et al.": {"vgg16": 0.65, "densenet_table1": 0.55}}


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
