"""Between a map and its kept spectrum."""

from passband.transforms import fourier as fourier
