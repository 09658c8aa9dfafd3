"""Looking at spectra, and at models through them."""

from passband.analysis.band_accuracy import BandAccuracy as BandAccuracy
from passband.analysis.band_accuracy import band_accuracy as band_accuracy
from passband.analysis.compaction import TRANSFORMS as TRANSFORMS
from passband.analysis.compaction import energy_compaction as energy_compaction
from passband.analysis.compaction import relative_bytes as relative_bytes
from passband.analysis.energy_curves import EnergyCurves as EnergyCurves
from passband.analysis.energy_curves import LayerCurve as LayerCurve
from passband.analysis.energy_curves import energy_curves as energy_curves
from passband.analysis.finite import check_finite as check_finite
from passband.analysis.heatmap import FourierHeatmap as FourierHeatmap
from passband.analysis.heatmap import fourier_heatmap as fourier_heatmap
from passband.analysis.layer_spectra import LayerSpectra as LayerSpectra
from passband.analysis.layer_spectra import ModelSpectra as ModelSpectra
from passband.analysis.layer_spectra import layer_spectra as layer_spectra
from passband.analysis.policy_error import PolicyError as PolicyError
from passband.analysis.policy_error import RadialError as RadialError
from passband.analysis.policy_error import policy_error as policy_error
from passband.analysis.radial import RadialEnergy as RadialEnergy
from passband.analysis.radial import radial_energy as radial_energy
from passband.analysis.suggestion import suggest_bands as suggest_bands
