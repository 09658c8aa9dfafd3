"""
What a band keeps of a photograph
=================================

A band keeps the low frequencies of a map and drops the others. `keep` says how large a
share of the coefficients stays. In the upper row is what is left of a photograph, in
the lower row what the band dropped, three times as strong and around grey.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image

import passband as pb

photograph = torch.tensor(load_sample_image("china.jpg") / 255, dtype=torch.float32)
maps = photograph.permute(2, 0, 1)[None, :, 90:250, 160:320]  # (1, 3, height, width)
identity = torch.ones(3, 1, 1, 1)  # a filter of one tap for each colour

keeps = (1, 0.25, 0.05, 0.01)
figure, axes = plt.subplots(2, 4, figsize=(7.2, 4))
for column, keep in enumerate(keeps):
    kept = pb.functional.band_conv2d(maps, identity, groups=3, band=pb.Band(keep=keep))
    dropped = maps - kept
    for row, picture in enumerate((kept, 0.5 + 3 * dropped)):
        axes[row, column].imshow(picture[0].permute(1, 2, 0).clamp(0, 1).numpy())
        axes[row, column].axis("off")
    share = dropped.square().sum() / maps.square().sum()
    axes[0, column].set_title(f"keep {keep:g}")
    axes[1, column].set_title(f"{100 * share:.1f} %", fontweight="normal")
figure.supxlabel("per cent: how much of the energy was dropped", fontsize=11)
plt.show()

# %%
# What is dropped first are edges and fine texture. Little of the energy is in them:
# with one coefficient in a hundred, the picture is still there, and most of its energy
# too.
