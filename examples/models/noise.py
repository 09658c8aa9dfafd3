"""
Accuracy in noise, by keep
==========================

White noise has as much energy at high frequencies as at low ones, and a band drops the
high ones. Small networks learnt clean digits of MNIST with three bands. Drawn is their
accuracy in noise of growing strength.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import passband as pb
from passband.lab.data import load, whole

data = load("mnist-5k")
images, labels = whole(data.train)
tests, answers = whole(data.test)

sigmas = (0, 0.5, 1, 1.5, 2, 2.5)
for keep, style in ((1, "o-"), (0.25, "s--"), (0.1, "^-.")):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Linear(392, 10),
    )
    pb.convert_(model, pb.Band(keep=keep))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for batch in torch.randperm(4000).split(64):
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    accuracies = []
    for sigma in sigmas:
        with torch.no_grad():
            found = model(pb.functional.add_noise(tests, sigma)).argmax(1)
        accuracies.append(100 * (found == answers).float().mean().item())
    plt.plot(sigmas, accuracies, style, label=f"keep {keep:g}")
plt.xlabel("deviation of the noise (that of the images is 1)")
plt.ylabel("test accuracy (%)")
plt.ylim(0, 102)
plt.legend()
plt.show()

# %%
# Without noise the bands cost little. In strong noise a narrow band is far better than
# none. This is true of random noise; it says nothing about noise that an attacker
# chose.
