"""
Convert a network and read the report
=====================================

`pb.convert_` makes the convolutions of a network band-limited and returns a report with
a row for each. Here it was asked to keep a quarter. The upper bars show what each layer
really keeps, the lower ones what it holds of 8 images for backward.
"""

import matplotlib.pyplot as plt
import torch

import passband as pb
from passband.lab.models import create_model

model = create_model("resnet18", num_classes=10, in_channels=3)
report = pb.convert_(model, pb.Band(keep=0.25), example=torch.zeros(8, 3, 32, 32))

rows = report.converted
numbers = range(1, len(rows) + 1)
plans = [row.plans[0] for row in rows]
figure, (upper, lower) = plt.subplots(2, 1, figsize=(5.6, 5), sharex=True)
upper.bar(numbers, [plan.geometry.keep for plan in plans])
upper.axhline(0.25, color="black", linestyle="--", label="asked for")
upper.legend(loc="upper left")
upper.set_ylabel("keep, measured")
upper.set_ylim(0, 0.5)
upper.set_title(f"ResNet-18 keeps {report.keep_measured:.3f} in all")
lower.bar(numbers, [plan.held_bytes / 2**20 for plan in plans], color="C1")
lower.set_ylabel("holds (MiB)")
lower.set_xlabel("convolution, from the first to the last")
lower.set_xticks([1, 5, 9, 13, 17])
plt.show()

print(report)

# %%
# The last layers have maps of 4 x 4 samples, where a band cannot be a quarter: they
# keep more. They are small, so that the first layers decide what is held.
