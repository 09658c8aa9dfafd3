"""
Memory before training
======================

`pb.memory.estimate` tells how much memory a training step takes, from a step with a few
samples. The lines are the peak of a step by batch size, for a network with and without
a memory policy. The last dot of each is the largest batch, which
`pb.memory.largest_batch` finds for 256 MiB.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb


def network(width=8):
    """Eight convolutions, with batch norm and ReLU between them, and ten classes."""
    layers = [nn.Conv2d(3, width, 3, padding=1)]
    for _ in range(7):
        layers += [
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        ]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)
    )


example, limit = torch.zeros(1, 3, 16, 16), 2**28
policies = {"plain": None, "MemoryPolicy.exact()": pb.MemoryPolicy.exact()}
for label, policy in policies.items():
    model = network()
    if policy:
        pb.convert_(model, None, memory=policy)
    largest = pb.memory.largest_batch(model, example, limit)
    batches = [16, largest // 2, largest]
    peaks = [
        pb.memory.estimate(model, example, batch_size=n).peak / 2**20 for n in batches
    ]
    plt.plot(batches, peaks, "o-", label=f"{label}: {largest} images")
plt.axhline(256, color="0.4", linestyle="--")
plt.xlabel("batch size")
plt.ylabel("peak of a training step (MiB)")
plt.ylim(0, 370)
plt.legend(title="largest batch that fits in 256 MiB", loc="upper left")
plt.show()

# %%
# The peak is a straight line in the batch size. The policy makes it flatter, and leaves
# the outputs of the network as they are. No large batch was run to draw this.
