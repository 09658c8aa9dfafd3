"""Between a map and its kept spectrum, and to other orthonormal bases."""

from passband.transforms import fourier as fourier
from passband.transforms.cosine import dct as dct
from passband.transforms.cosine import idct as idct
from passband.transforms.wavelet import dwt as dwt
from passband.transforms.wavelet import idwt as idwt
