"""The studies: each a config, a measurement, rows of the tidy table, and how they are shown."""

from passband.lab.studies.attacks import ATTACKS
from passband.lab.studies.compaction import COMPACTION
from passband.lab.studies.convergence import CONVERGENCE
from passband.lab.studies.corruptions import CORRUPTIONS_STUDY
from passband.lab.studies.cross import CROSS
from passband.lab.studies.energy import ENERGY
from passband.lab.studies.frequencies import FREQUENCIES
from passband.lab.studies.knob import KNOB
from passband.lab.studies.layers import LAYERS
from passband.lab.studies.memory_methods import MEMORY_METHODS
from passband.lab.studies.noise import NOISE
from passband.lab.studies.peers import PEERS
from passband.lab.studies.rates import RATES, RatesConfig, rates
from passband.lab.studies.resources import RESOURCES
from passband.lab.studies.schedule import SCHEDULE
from passband.lab.studies.shift import SHIFT
from passband.lab.studies.specnet_beta import SPECNET_BETA
from passband.lab.studies.specnet_maps import SPECNET_MAPS
from passband.lab.studies.specnet_training import SPECNET_TRAINING
from passband.lab.studies.spectra import SPECTRA
from passband.lab.studies.study import Study
from passband.lab.studies.ucr import UCR

__all__ = ["STUDIES", "RatesConfig", "Study", "rates"]

_STUDIES = (
    RATES, CROSS, ENERGY, SPECTRA, CONVERGENCE, SCHEDULE, LAYERS, RESOURCES, PEERS, UCR, KNOB,
    NOISE, FREQUENCIES, CORRUPTIONS_STUDY, SHIFT, ATTACKS,
    SPECNET_BETA, SPECNET_TRAINING, SPECNET_MAPS, MEMORY_METHODS, COMPACTION,
)  # fmt: skip

STUDIES: dict[str, Study] = {study.name: study for study in _STUDIES}
"""By their name on the command line. To add one, write its module and name its study here."""
