"""Layers: `torch.nn` modules over the functional forms."""

from passband.nn.color_depth import ColorDepth as ColorDepth
from passband.nn.conv import BandConv1d as BandConv1d
from passband.nn.conv import BandConv2d as BandConv2d
from passband.nn.conv import BandConv3d as BandConv3d
from passband.nn.conv_transpose import BandConvTranspose1d as BandConvTranspose1d
from passband.nn.conv_transpose import BandConvTranspose2d as BandConvTranspose2d
from passband.nn.conv_transpose import BandConvTranspose3d as BandConvTranspose3d
from passband.nn.frequency_mask import FrequencyMask as FrequencyMask
from passband.nn.noise import NoiseChannel as NoiseChannel
from passband.nn.pooling import SpectralPool1d as SpectralPool1d
from passband.nn.pooling import SpectralPool2d as SpectralPool2d
from passband.nn.pooling import SpectralPool3d as SpectralPool3d
from passband.nn.spec_block import SpecBlock1d as SpecBlock1d
from passband.nn.spec_block import SpecBlock2d as SpecBlock2d
from passband.nn.spec_conv import SpecConv1d as SpecConv1d
from passband.nn.spec_conv import SpecConv2d as SpecConv2d
from passband.nn.spectrum import SpectralActivation as SpectralActivation
from passband.nn.spectrum import SpectralBatchNorm as SpectralBatchNorm
from passband.nn.spectrum import Threshold as Threshold
from passband.nn.spectrum import ToSpace as ToSpace
from passband.nn.spectrum import ToSpectrum as ToSpectrum
