"""
A network for time series
=========================

GunPoint has 150 samples of a hand's position, of people who draw a gun or only point.
Above: one series, and what bands keep of it. Below: the loss in training of the paper's
FCN at a quarter of its width, plain and with two bands.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb
from passband.lab.data import load, whole
from passband.lab.models import create_model

data = load("ucr:GunPoint")
series, labels = whole(data.train)
styles = {None: {"color": "0.75", "linewidth": 6}, 0.5: {}, 0.1: {"linestyle": "--"}}
figure, (upper, lower) = plt.subplots(2, 1, figsize=(5.6, 6))
for keep, style in styles.items():
    kept, label = series[:1], "plain"
    if keep:
        band, identity = pb.Band(keep=keep), torch.ones(1, 1, 1)
        kept = pb.functional.band_conv1d(kept, identity, band=band)
        label = f"keep {keep}"
    upper.plot(kept[0, 0], label=label, **style)

    torch.manual_seed(0)
    model = create_model("fcn", num_classes=2, in_channels=1, width=0.25)
    if keep:
        pb.convert_(model, pb.Band(keep=keep))
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    losses = []
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(series), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    lower.plot(losses, label=label, **style)
upper.set(xlabel="sample", ylabel="position", xlim=(40, 130))
lower.set(xlabel="step", ylabel="training loss")
upper.legend()
lower.legend()
plt.show()

# %%
# The track of a hand is smooth: half of the frequencies hold all of it, and training
# goes as without a band. A tenth rounds the corners, and the network learns more slowly
# from what is left.
