"""Looking at spectra, and at models through them."""

from passband.analysis.band_accuracy import BandAccuracy as BandAccuracy
from passband.analysis.band_accuracy import band_accuracy as band_accuracy
from passband.analysis.compaction import TRANSFORMS as TRANSFORMS
from passband.analysis.compaction import energy_compaction as energy_compaction
from passband.analysis.compaction import relative_bytes as relative_bytes
from passband.analysis.heatmap import FourierHeatmap as FourierHeatmap
from passband.analysis.heatmap import fourier_heatmap as fourier_heatmap
