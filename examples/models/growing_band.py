"""
A band that grows while training
================================

A band may change at any time, since the parameters stay as they are. Here training
begins with a narrow band, whose steps are less work, and ends with all frequencies. The
curves are test accuracy on digits of 8 x 8 pixels, beside training with either band
from the first to the last epoch.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn

import passband as pb

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16).float().view(-1, 1, 8, 8)
labels = torch.tensor(labels)
epochs = 9
schedules = {
    "keep 1": [1] * epochs,
    "keep 0.1": [0.1] * epochs,
    "0.1, then 0.3, then 1": [0.1] * 2 + [0.3] * 2 + [1] * 5,
}
for (label, keeps), style in zip(schedules.items(), ("o-", "s--", "^-."), strict=True):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    pb.convert_(model, pb.Band(keep=1))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    accuracies = []
    for keep in keeps:
        pb.set_band_(model, pb.Band(keep=keep))
        for batch in torch.randperm(1297).split(64):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = model(images[1297:]).argmax(1) == labels[1297:]
        accuracies.append(100 * right.float().mean().item())
    plt.plot(range(1, epochs + 1), accuracies, style, label=label)
plt.xlabel("epoch")
plt.ylabel("test accuracy (%)")
plt.ylim(0, 102)
plt.legend()
plt.show()

# %%
# As long as the band is narrow, accuracy is that of narrow bands. It rises as the band
# grows, and comes near to what training with all frequencies gives.
