"""
Threshold and activation in the complex plane
=============================================

A SpecNet block drops coefficients whose magnitude is below β, and then takes the tanh
of the real and of the imaginary part. Each dot is one coefficient of the spectrum of
random maps.
"""

import matplotlib.pyplot as plt
import torch

import passband as pb

spectrum = pb.functional.to_spectrum(torch.randn(1, 4, 32, 32))
after = pb.functional.spectral_threshold(spectrum, beta=0.5)
stages = {
    "before": spectrum,
    "threshold, β = 0.5": after,
    "and tanh": pb.functional.spectral_activation(after, "tanh"),
}

figure, axes = plt.subplots(1, 3, figsize=(8, 3.2), sharex=True, sharey=True)
for axis, (name, found) in zip(axes, stages.items(), strict=True):
    real, imaginary = found.values.movedim(1, 0).flatten(1)
    axis.plot(real, imaginary, ".", markersize=3, alpha=0.5)
    axis.set(
        title=name,
        xlabel="real part",
        aspect="equal",
        xlim=(-2.2, 2.2),
        ylim=(-2.2, 2.2),
    )
axes[0].set_ylabel("imaginary part")
plt.show()

# %%
# What is below the threshold moves to 0, and stays there: the activations keep 0. The
# tanh bounds both parts. As it is odd, mirrored coefficients stay conjugate, and maps
# stay real.
