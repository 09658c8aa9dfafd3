"""
The keep that is asked for and the keep that is measured
========================================================

A band is made of whole frequencies, so small maps cannot keep just any share. The lines
show what layers with `keep` really keep of maps of three sizes; the dotted line is what
was asked for.
"""

import matplotlib.pyplot as plt
import torch

import passband as pb

asked = torch.linspace(0.01, 1, 100).tolist()
layer = pb.nn.BandConv2d(1, 1, 3, padding=1, padding_mode="circular", keep=1)
plt.plot([0, 1], [0, 1], ":", color="0.5", label="as asked")
for side in (4, 8, 32):
    measured = []
    for keep in asked:
        layer.band = pb.Band(keep=keep)
        measured.append(layer.plan_for(torch.zeros(1, 1, side, side)).geometry.keep)
    plt.step(asked, measured, where="mid", label=f"{side} x {side} samples")
plt.xlabel("keep asked for")
plt.ylabel("keep measured")
plt.legend()
plt.show()

# %%
# Maps of 4 x 4 samples have three bands: the mean alone, 3 x 3 frequencies, or all. On
# maps of 32 x 32 samples the steps are fine. This is why a report shows what each layer
# really keeps.
