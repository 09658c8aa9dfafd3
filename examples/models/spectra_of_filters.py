"""
Spectra of maps and filters
===========================

`pb.analysis.layer_spectra` tells at which frequencies the maps and filters of a network
have their energy. The network here learnt digits of 8 x 8 pixels. Solid lines are the
maps that a layer reads, dashed lines its filters; white noise would be at 1.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn

import passband as pb

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16).float().view(-1, 1, 8, 8)
labels = torch.tensor(labels)
images = images - images.mean()
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
    nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10),
)  # fmt: skip
optimizer = torch.optim.Adam(model.parameters(), 5e-3)
for batch in torch.randperm(8 * 1797).remainder(1797).split(128):
    loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

found = pb.analysis.layer_spectra(model, images[:256])
for layer, color in zip(found.layers, ("C0", "C1", "C2"), strict=True):
    number = 1 + int(layer.name) // 2
    frequencies = layer.inputs.frequencies
    label = f"read by layer {number}"
    plt.semilogy(frequencies, layer.inputs.relative, color=color, label=label)
    plt.semilogy(frequencies, layer.weights.relative, "--", color=color)
plt.axhline(1, color="0.6", linewidth=1)
plt.xlabel("frequency (fraction of Nyquist)")
plt.ylabel("energy (white noise is 1)")
plt.legend()
plt.show()

# %%
# What the layers read has little energy at high frequencies, the deepest layer least.
# The filters, too, have more of theirs at low frequencies. This is why a band can drop
# the others at a small loss.
