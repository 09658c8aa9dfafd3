"""Looking at spectra, and at models through them."""

from passband.analysis.compaction import TRANSFORMS as TRANSFORMS
from passband.analysis.compaction import energy_compaction as energy_compaction
from passband.analysis.compaction import relative_bytes as relative_bytes
