"""passband: band-limited convolutional networks for PyTorch."""

from passband import analysis as analysis
from passband import functional as functional
from passband import memory as memory
from passband import nn as nn
from passband import transforms as transforms
from passband.band import Band as Band
from passband.convert import ConvertReport as ConvertReport
from passband.convert import bandlimited as bandlimited
from passband.convert import calibrate_ as calibrate_
from passband.convert import calibrate_beta_ as calibrate_beta_
from passband.convert import convert_ as convert_
from passband.convert import densities as densities
from passband.convert import freeze_ as freeze_
from passband.convert import report as report
from passband.convert import revert_ as revert_
from passband.convert import set_band_ as set_band_
from passband.convert import set_beta_ as set_beta_
from passband.convert import unfreeze_ as unfreeze_
from passband.functional.spectral.spectrum import Spectrum as Spectrum
from passband.memory.policy import MemoryPolicy as MemoryPolicy
from passband.memory.saved import SavedBytes as SavedBytes
from passband.saving import load_ as load_
from passband.saving import save as save

__version__ = "0.1.0"
