"""
What a spectral network holds, by threshold
===========================================

A SpecNet stage computes convolutions on spectra and drops small coefficients. For
backward it holds one bit for each coefficient and the values that were kept. The curves
show the share that is kept, and the bytes beside those of the same stage with
convolution, batch norm and ReLU.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb

maps = torch.randn(8, 16, 32, 32)
plain = nn.Sequential(
    nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
)  # fmt: skip
channels = ((16, 32), (32, 32), (32, 32))
blocks = [
    pb.nn.SpecBlock2d(*c, 3, beta=0, norm=True, activation="identity") for c in channels
]
spectral = nn.Sequential(pb.nn.ToSpectrum(margin=3), *blocks, pb.nn.ToSpace())

betas = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2)
density, held = [], []
for beta in betas:
    pb.set_beta_(spectral, beta)
    kept = pb.densities(spectral, maps).values()
    density.append(sum(kept) / len(kept))
    held.append(pb.memory.saved(lambda: spectral(maps)).total)
whole = pb.memory.saved(lambda: plain(maps)).total
plt.plot(betas, density, "o-", label="coefficients kept")
plt.plot(betas, [bytes_ / whole for bytes_ in held], "s-", label="bytes held ÷ plain")
plt.xlabel("threshold β (in root mean squares of a channel)")
plt.ylabel("share")
plt.ylim(0, None)
plt.legend()
plt.show()

# %%
# Even where all coefficients are kept, the stage holds less than the plain one, which
# holds the maps of convolution and activation. The more the threshold drops, the less
# is held, down to the bits.
