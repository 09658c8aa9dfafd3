"""
Gradients when the forward pass stays unchanged
===============================================

`MemoryPolicy.unchanged_forward()` holds the inputs of convolutions as their low
frequencies and a few bits of the rest. Outputs are those of the plain network; the
weights' gradients have an error. Drawn is the error of all weights of one layer, for 2
and 4 bits and eight repeats with other random numbers.
"""

import copy

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb

model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
)  # fmt: skip
maps, labels = torch.randn(16, 3, 32, 32), torch.arange(16) % 10


def gradient(network):
    loss = nn.functional.cross_entropy(network(maps), labels)
    return torch.autograd.grad(loss, network[3].weight)[0]


exact = gradient(model)
size = exact.square().mean().sqrt()
for bits, color in ((2, "C1"), (4, "C0")):
    network = copy.deepcopy(model)
    pb.convert_(network, None, memory=pb.MemoryPolicy.unchanged_forward(bits=bits))
    errors = torch.cat([(gradient(network) - exact).flatten() for _ in range(8)]) / size
    label = f"{bits} bits: mean {errors.mean():+.3f}"
    plt.hist(errors.numpy(), 80, density=True, alpha=0.7, color=color, label=label)
plt.xlabel("error of the gradient ÷ root mean square of the gradient")
plt.ylabel("density")
plt.legend(loc="upper left")
plt.show()

# %%
# The error is noise around zero: over many steps it cancels, which is why training goes
# on as without the policy. More bits make it smaller, and what is held larger.
