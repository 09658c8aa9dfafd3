"""Transforms, products, masks and codes as compiled C, where passband was installed with it."""

from passband.kernels.cpu.codes import GROUP as GROUP
from passband.kernels.cpu.codes import dequantise as dequantise
from passband.kernels.cpu.codes import quantise as quantise
from passband.kernels.cpu.codes import quantises as quantises
from passband.kernels.cpu.convolution import Convolution as Convolution
from passband.kernels.cpu.convolution import convolves as convolves
from passband.kernels.cpu.library import missing as missing
from passband.kernels.cpu.mask import mask as mask
from passband.kernels.cpu.mask import masked as masked
from passband.kernels.cpu.mask import masks as masks
from passband.kernels.cpu.product import multiplies as multiplies
from passband.kernels.cpu.product import multiply as multiply
from passband.kernels.cpu.product import multiply_across as multiply_across
from passband.kernels.cpu.product import multiply_back as multiply_back
from passband.kernels.cpu.product import packed as packed
from passband.kernels.cpu.product import takes_taps as takes_taps
from passband.kernels.cpu.transform import adjoint as adjoint
from passband.kernels.cpu.transform import analysis as analysis
from passband.kernels.cpu.transform import fits as fits
from passband.kernels.cpu.transform import supports as supports
