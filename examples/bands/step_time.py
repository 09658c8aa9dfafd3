"""
The time of a step by keep
==========================

Forward and backward of one layer, beside `nn.Conv2d` in the faster of its two memory
formats. All take turns, so that whatever else the machine does meets both. Drawn is the
fastest of 40 turns, the one that other programs disturbed least.
"""

import time

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb

maps = torch.randn(8, 64, 16, 16, requires_grad=True)
keeps = (0.05, 0.1, 0.25, 0.5, 0.75)
layers = {keep: pb.nn.BandConv2d(64, 64, 3, padding=1, keep=keep) for keep in keeps}
layers["plain"] = nn.Conv2d(64, 64, 3, padding=1)
layers["channels last"] = nn.Conv2d(64, 64, 3, padding=1)
layers["channels last"].to(memory_format=torch.channels_last)
last = maps.detach().to(memory_format=torch.channels_last).requires_grad_()
times = {name: [] for name in layers}
for turn in range(41):
    for name, layer in layers.items():
        begin = time.perf_counter()
        layer(last if name == "channels last" else maps).sum().backward()
        if turn > 0:  # the first is to warm up
            times[name].append(1e3 * (time.perf_counter() - begin))
fastest = {name: min(turns) for name, turns in times.items()}

plain = min(fastest["plain"], fastest["channels last"])
plt.axhline(plain, color="0.4", linestyle="--", label="nn.Conv2d")
plt.plot(keeps, [fastest[keep] for keep in keeps], "o-", label="pb.nn.BandConv2d")
plt.xlabel("keep")
plt.ylabel("forward and backward (ms)")
plt.xlim(0, None)
plt.ylim(0, None)
plt.title("64 channels, 3 x 3 taps, 16 x 16 samples, batch 8")
plt.legend()
plt.show()

# %%
# A narrower band is less work. Where the curve meets the dashed line depends on the
# machine, on the sizes of the maps and on the number of threads: measure yours with
# `passband bench conv`.
