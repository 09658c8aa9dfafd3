"""Differentiable functions on maps and spectra."""

from passband.functional.band_conv import band_conv1d as band_conv1d
from passband.functional.band_conv import band_conv2d as band_conv2d
from passband.functional.band_conv import band_conv3d as band_conv3d
from passband.functional.band_conv import band_conv_transpose1d as band_conv_transpose1d
from passband.functional.band_conv import band_conv_transpose2d as band_conv_transpose2d
from passband.functional.band_conv import band_conv_transpose3d as band_conv_transpose3d
from passband.functional.pooling import spectral_pool1d as spectral_pool1d
from passband.functional.pooling import spectral_pool2d as spectral_pool2d
from passband.functional.pooling import spectral_pool3d as spectral_pool3d
