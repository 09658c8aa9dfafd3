"""
A stride without aliasing
=========================

A stride of 4 keeps every fourth output. Frequencies that so few samples cannot hold
turn into wrong low ones, and the result depends on where the input happens to lie.
`stride_mode="spectral"` drops them first. The curves show how much the strength of the
output changes as the input is shifted.
"""

import matplotlib.pyplot as plt
import torch

import passband as pb

series = torch.randn(1, 1, 60, dtype=torch.float64)
filters = torch.randn(1, 1, 5, dtype=torch.float64)
band = pb.Band(keep=1)


def strengths(mode):
    """The energy of the output of a stride of 4, for 17 shifts of a periodic series."""
    found = []
    for shift in range(17):
        y = pb.functional.band_conv1d(
            series.roll(shift, 2), filters, stride=4, padding=2, band=band,
            padding_mode="circular", stride_mode=mode,
        )  # fmt: skip
        found.append(y.square().mean())
    found = torch.stack(found)
    return found / found[:16].mean()


plt.plot(strengths("sample"), "o-", label='"sample": every fourth output')
plt.plot(strengths("spectral"), "s-", label='"spectral": without aliasing')
plt.xlabel("shift of the input (samples)")
plt.ylabel("energy of the output ÷ its mean")
plt.ylim(0, None)
plt.xticks(range(0, 17, 4))
plt.legend(loc="lower left")
plt.show()

# %%
# Only shifts by whole strides leave the energy of the usual output as it is. Without
# aliasing it is the same for every shift: the output moves with the input, and changes
# no more.
