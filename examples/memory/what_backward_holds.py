"""
What backward holds
===================

A forward pass leaves tensors behind that the backward pass needs. `pb.memory.saved`
counts their bytes by the operation that holds them. The bars are one small ResNet:
plain, with bands, and with memory policies.
"""

import matplotlib.pyplot as plt
import torch

import passband as pb
from passband.lab.models import create_model

maps = torch.randn(8, 3, 32, 32)
band, policy = pb.Band(keep=0.25), pb.MemoryPolicy
ways = {
    "plain": (None, None),
    "band, keep 0.25": (band, None),
    "band and exact()": (band, policy.exact()),
    "band and bf16()": (band, policy.bf16()),
    "exact() alone": (None, policy.exact()),
    "unchanged_forward()": (None, policy.unchanged_forward()),
}
held = {}
for name, (chosen, memory) in ways.items():
    model = create_model("resnet20", num_classes=10, in_channels=3)
    if chosen or memory:
        pb.convert_(model, chosen, memory=memory)
    held[name] = pb.memory.saved(lambda model=model: model(maps).sum()).by_kind

left = [0.0] * len(held)
for kind in ("conv input", "norm", "activation", "other"):
    sizes = [by_kind[kind] / 2**20 for by_kind in held.values()]
    plt.barh(list(held), sizes, left=left, label=kind)
    left = [a + b for a, b in zip(left, sizes, strict=True)]
plt.gca().invert_yaxis()
plt.grid(axis="y", visible=False)
plt.xlabel("held for backward (MiB), ResNet-20, 8 images")
plt.legend(title="held by", loc="lower right")
plt.show()

# %%
# Bands alone make a network with ReLU hold more: the input of a convolution is held by
# the ReLU anyway, and its spectrum comes on top. It is the memory policy that makes a
# network hold less.
