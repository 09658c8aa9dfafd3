"""
A threshold on a spectrum
=========================

SpecNet sets coefficients of small magnitude to zero. Above: the spectrum of a
photograph, white where the threshold β dropped a coefficient; the mean is in the
middle. Below: the picture that belongs to it.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_sample_image

import passband as pb

photograph = torch.tensor(load_sample_image("china.jpg") / 255, dtype=torch.float32)
maps = photograph.mean(2)[None, None, 90:250, 160:320]  # grey, (1, 1, height, width)
spectrum = pb.functional.to_spectrum(maps)

figure, axes = plt.subplots(2, 3, figsize=(6.4, 4.7))
for column, beta in enumerate((0, 0.1, 0.3)):
    kept = pb.functional.spectral_threshold(spectrum, beta)
    picture = pb.functional.to_space(kept)[0, 0]
    whole = torch.fft.fftshift(torch.fft.fft2(picture, norm="ortho")).abs()
    whole[whole < 1e-3] = torch.nan
    axes[0, column].imshow(whole.log().numpy(), vmin=-4, vmax=3)
    axes[0, column].set_title(f"β = {beta}")
    axes[1, column].imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1)
    axes[1, column].set_title(f"{100 * kept.density():.0f} % kept", fontweight="normal")
for axis in axes.flat:
    axis.axis("off")
plt.show()

# %%
# Unlike a band, a threshold keeps strong coefficients wherever they are: here also the
# two spots far from the middle, which are the tiles of the roof. A few per cent of the
# coefficients show them.
