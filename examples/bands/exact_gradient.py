"""
The gradient is exact
=====================

A band-limited convolution is a function like any other, and `backward` computes its
derivative. Here one weight after another is moved by a small step, and the change of
the loss is compared with the gradient, in float64, for four bands.
"""

import matplotlib.pyplot as plt
import torch

import passband as pb

maps = torch.randn(2, 3, 16, 16, dtype=torch.float64)
weight = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
step = 1e-5


def loss(weight, keep):
    y = pb.functional.band_conv2d(maps, weight, padding=1, band=pb.Band(keep=keep))
    return y.tanh().sum()


figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.6))
for keep, marker in ((1, "o"), (0.5, "s"), (0.25, "^"), (0.05, "v")):
    (gradient,) = torch.autograd.grad(loss(weight, keep), weight)
    differences = torch.zeros(weight.numel(), dtype=torch.float64)
    with torch.no_grad():
        for at in range(weight.numel()):
            move = torch.zeros_like(weight)
            move.view(-1)[at] = step
            change = loss(weight + move, keep) - loss(weight - move, keep)
            differences[at] = change / (2 * step)
    error = (differences - gradient.flatten()).abs() / gradient.abs().max()
    label = f"keep {keep:g}"
    left.plot(gradient.flatten(), differences, marker, alpha=0.6, label=label)
    right.semilogy(error.sort().values)
left.set(xlabel="gradient by backward", ylabel="finite difference", title="108 weights")
right.set(xlabel="weights, in order of error", title="Error ÷ largest gradient")
left.legend()
plt.show()

# %%
# The points lie on the diagonal for every band. The error that is left is the rounding
# of the finite differences; it is as small for a narrow band as for `keep=1`, the plain
# convolution.
