"""What worker processes of a `DataLoader` ask of a layer: they import this file."""

from __future__ import annotations

import torch
from contract import Contract, results
from subjects import SUBJECTS
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

METHODS = "fork", "spawn"
Computed = dict[str, dict[str, list[Tensor]]]
COMPUTED: Computed = {}  # by method and subject, once for all of them


class Workers(Contract):
    """A worker computes what its parent does."""

    def fork(self) -> None:
        """A forked worker of a `DataLoader`, after its parent has computed with two threads"""
        self.computed("fork")

    def spawn(self) -> None:
        """A spawned worker"""
        self.computed("spawn")

    def computed(self, method: str) -> None:
        if method not in COMPUTED:
            COMPUTED[method] = by_a_worker(method)
        found = COMPUTED[method][self.subject.name]
        self.alike(found, results(self.evaluated(), self.maps()))


class Asked(Dataset[list[Tensor]]):
    """What each subject computes."""

    def __len__(self) -> int:
        return len(SUBJECTS)

    def __getitem__(self, index: int) -> list[Tensor]:
        contract = Contract(list(SUBJECTS.values())[index])
        found = results(contract.evaluated(), contract.maps())
        return [t.numpy().copy() for t in found]  # type: ignore[misc]


def by_a_worker(method: str) -> dict[str, list[Tensor]]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        asked = Asked()
        for index in range(len(asked)):
            asked[index]
        loader = DataLoader(
            asked, batch_size=None, num_workers=1, multiprocessing_context=method, timeout=60
        )
        found = [[torch.as_tensor(t) for t in some] for some in loader]
    finally:
        torch.set_num_threads(before)
    return dict(zip(SUBJECTS, found, strict=True))
