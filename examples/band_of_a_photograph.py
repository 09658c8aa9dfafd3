"""
What a band keeps of a photograph
=================================

A band keeps the low frequencies. `keep` says how many of the coefficients of the half spectrum.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image

import passband as pb

photograph = torch.tensor(load_sample_image("china.jpg") / 255, dtype=torch.float32)
maps = photograph.permute(2, 0, 1)[None]  # (1, 3, height, width)

keeps = (1.0, 0.25, 0.05, 0.01)
figure, axes = plt.subplots(1, len(keeps), figsize=(12, 2.6), layout="constrained")
for axis, keep in zip(axes, keeps, strict=True):
    kept = pb.functional.spectral_pool2d(maps, maps.shape[2:]) if keep == 1 else maps
    axis.imshow(kept[0].permute(1, 2, 0).clamp(0, 1))
    axis.set_title(f"keep {keep:g}")
    axis.axis("off")
plt.show()
