"""
One network at many rates
=========================

A network was trained with all frequencies. Then its band is changed, without training,
and the test accuracy measured. The second curve is of networks that were trained with
the band that they are tested with. The data are digits of 8 x 8 pixels.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn

import passband as pb

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16).float().view(-1, 1, 8, 8)
labels = torch.tensor(labels)
tests, answers = images[1297:], labels[1297:]
images, labels = images[:1297], labels[:1297]


def trained(keep):
    """A network that learnt with a band for six epochs."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    pb.convert_(model, pb.Band(keep=keep))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(6):
        for batch in torch.randperm(1297).split(128):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def accuracy(model):
    with torch.no_grad():
        return 100 * (model(tests).argmax(1) == answers).float().mean().item()


keeps = (0.01, 0.1, 0.4, 0.6, 1)
networks = {keep: trained(keep) for keep in keeps}
same = [accuracy(network) for network in networks.values()]
changed = []
for keep in keeps:
    pb.set_band_(networks[1], pb.Band(keep=keep))
    changed.append(accuracy(networks[1]))
plt.plot(keeps, changed, "o-", label="trained with keep 1")
plt.plot(keeps, same, "s-", label="trained with this keep")
plt.xlabel("keep in the test")
plt.ylabel("test accuracy (%)")
plt.ylim(0, 102)
plt.legend(loc="lower right")
plt.show()

# %%
# A band that the network has not seen in training costs accuracy as it gets narrow.
# Trained with the band that it will run with, a network does much better. At 0.01 a map
# keeps its mean alone, and there is little to learn from.
