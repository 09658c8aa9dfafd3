"""Model surgery: convolutions made band-limited in place, and back."""

from passband.convert.calibration import calibrate_ as calibrate_
from passband.convert.freeze import freeze_ as freeze_
from passband.convert.freeze import unfreeze_ as unfreeze_
from passband.convert.report import ConvertReport as ConvertReport
from passband.convert.report import Row as Row
from passband.convert.report import report as report
from passband.convert.scope import bandlimited as bandlimited
from passband.convert.surgery import convert_ as convert_
from passband.convert.surgery import revert_ as revert_
from passband.convert.surgery import set_band_ as set_band_
from passband.convert.thresholds import calibrate_beta_ as calibrate_beta_
from passband.convert.thresholds import densities as densities
from passband.convert.thresholds import set_beta_ as set_beta_
