"""
A band for each layer, from data
================================

How many frequencies a layer needs depends on what it reads. The curves show how much of
the energy of a layer's input a band holds, for a small ResNet with random weights on
pieces of a photograph. The bars are the bands that `pb.analysis.suggest_bands` reads
off such curves for 95 % of the energy.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image

import passband as pb
from passband.lab.models import create_model

photograph = torch.tensor(load_sample_image("china.jpg") / 255, dtype=torch.float32)
pieces = photograph.unfold(0, 64, 64).unfold(1, 64, 64).flatten(0, 1)  # (60, 3, 64, 64)
model = create_model("resnet18", num_classes=10, in_channels=3, width=0.25)

keeps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
curves = pb.analysis.energy_curves(model, pieces, keeps)
pb.convert_(model, pb.Band(keep=1))
pb.set_band_(model, pb.analysis.suggest_bands(curves, energy=0.95))
rows = pb.report(model, pieces[:1]).converted

figure, (upper, lower) = plt.subplots(2, 1, figsize=(5.6, 6.4))
for name in ("conv1", *(f"layer{n}.0.conv2" for n in (1, 2, 3, 4))):
    upper.plot(keeps, curves[name].shares, label=name)
upper.axhline(0.95, color="0.4", linestyle="--")
upper.set(xlabel="keep", ylabel="share of the energy", xlim=(0, 1))
upper.legend()
lower.bar(range(1, len(rows) + 1), [row.plans[0].geometry.keep for row in rows])
lower.set_xlabel("convolution, from the first to the last")
lower.set_ylabel("keep that holds 95 %")
lower.set_xticks([1, 5, 9, 13, 17])
plt.show()

# %%
# The photograph itself has its energy at low frequencies, so the first layer gets a
# narrow band. ReLUs and strides spread the energy: later layers need more. One keep for
# all would waste bands in some layers and cut too much in others.
