"""
Which frequencies a network errs on
===================================

A Fourier heat map adds a wave of one frequency to each image and counts errors, for all
frequencies. The mean is in the middle, high frequencies are at the edges. Both networks
learnt the digits of MNIST at 14 x 14 pixels; the second has convolutions with a narrow
band.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb
from passband.lab.data import load, whole

data = load("mnist-5k")
images, labels = whole(data.train)
images = nn.functional.avg_pool2d(images, 2)
tests, answers = whole(data.test)
tests, answers = nn.functional.avg_pool2d(tests, 2)[::5], answers[::5]

figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.8))
for axis, keep in zip(axes, (1, 0.15), strict=True):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10),
    )  # fmt: skip
    pb.convert_(model, pb.Band(keep=keep))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for batch in torch.randperm(8000).remainder(4000).split(64):
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = pb.analysis.fourier_heatmap(model, [(tests, answers)], norm=6)
    errors, extent = 100 * found.error.numpy(), (-7.5, 6.5, 6.5, -7.5)
    picture = axis.imshow(errors, extent=extent, vmin=0, vmax=60)
    axis.set(title=f"keep {keep:g}", xlabel="cycles across", ylabel="cycles down")
    axis.grid(visible=False)
figure.colorbar(picture, ax=axes, label="errors (%)", shrink=0.8)
plt.show()

# %%
# A wave outside of the band changes nothing: the network with the narrow band does not
# see it. But it errs more than the other where the band is, and also without a wave: it
# has less to go by.
