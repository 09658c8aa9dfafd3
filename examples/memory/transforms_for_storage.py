"""
Which transform stores maps best
================================

A transform gathers the energy of a map in few numbers, and the others can be dropped.
The curves show the energy that is lost when only the largest numbers are held, with a
mask that says which. The maps are what the first layer of a ResNet with random weights
makes of a photograph.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image

import passband as pb
from passband.lab.models import create_model

photograph = torch.tensor(load_sample_image("flower.jpg") / 255, dtype=torch.float32)
pieces = photograph.unfold(0, 64, 64).unfold(1, 64, 64).flatten(0, 1)  # (60, 3, 64, 64)
model = create_model("resnet18", num_classes=10, in_channels=3, width=0.25)
with torch.no_grad():
    maps = model[:3](pieces)  # convolution, batch norm and ReLU

fractions = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6]
names = {
    "space": "as they are",
    "dft": "DFT",
    "dct": "DCT-II",
    "haar": "Haar",
    "db2": "Daubechies 2",
}
for transform, style in zip(names, ("k:", "o-", "s-", "^-", "v-"), strict=True):
    shares = pb.analysis.energy_compaction(maps, transform, fractions)
    sizes = [100 * pb.analysis.relative_bytes(f, transform) for f in fractions]
    lost = [100 * (1 - share) for share in shares]
    plt.semilogy(sizes, lost, style, label=names[transform])
plt.xlabel("bytes held (% of the map in float32)")
plt.ylabel("energy lost (%)")
plt.legend()
plt.show()

# %%
# Every transform loses far less than dropping samples of the map itself. For a tenth of
# the bytes they are alike; where more is held, wavelets lose least here, since maps
# have edges.
