"""In which order samples are seen, and in which batches they come."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler, Sampler

from passband.lab.data.labeled import Samples, in_memory, size

EVALUATION_BATCH = 512
"""Samples side by side where nothing is held for backward."""

_MOST_WORKERS = 8


class Batches(Sampler[list[int]]):
    """Batches of indices: the share of one of several processes.

    The order depends on nothing but the seed and the epoch, see `set_epoch`.

    Args:
        samples: Of which.
        batch: Samples of a batch.
        rank: Number of the process.
        world: How many there are. Where they do not share alike, the last get some of the first
            samples a second time, so that all have as many batches.
        seed: Of the order; None takes them as they are.

    Attributes:
        genuine: How many samples of this share are no repetitions; these come first.
    """

    def __init__(
        self, samples: Samples, batch: int, *, rank: int = 0, world: int = 1, seed: int | None
    ) -> None:
        self.order: DistributedSampler[int] = DistributedSampler(
            samples, num_replicas=world, rank=rank, shuffle=seed is not None, seed=seed or 0
        )
        self.batch, self.trains = batch, seed is not None
        self.genuine = len(range(rank, size(samples), world))

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch comes."""
        self.order.set_epoch(epoch)

    @property
    def seed_of_epoch(self) -> int:
        """Of all else that is random in the epoch; another in each process."""
        return self.order.seed * 1_000_003 + self.order.epoch + 7919 * self.order.rank

    def __len__(self) -> int:
        full, rest = divmod(len(self.order), self.batch)
        # Batch norm has no variance to divide by where a batch is one sample and its map one value.
        # The order leaves out another sample in each epoch.
        return full + (rest > 1 or (rest == 1 and not (self.trains and full)))

    def __iter__(self) -> Iterator[list[int]]:
        indices = list(self.order)
        for number in range(len(self)):
            yield indices[number * self.batch : (number + 1) * self.batch]


def batched(samples: Samples, batches: Batches) -> Iterable[Sequence[Tensor]]:
    """Batches of maps ``(N, C, *space)`` and labels ``(N,)``.

    What is in memory is taken a batch at a time, in this process; what is read one by one is read
    by processes of their own, whose random numbers are a function of seed and epoch.
    """
    if in_memory(samples):
        whole: Any = samples
        return (whole[indices] for indices in batches)
    seeds = torch.Generator().manual_seed(batches.seed_of_epoch)
    workers = min(_MOST_WORKERS, (os.cpu_count() or 1) - 1)
    return DataLoader(
        samples, batch_sampler=batches, num_workers=workers, generator=seeds,
        pin_memory=torch.cuda.is_available(),
    )  # fmt: skip
