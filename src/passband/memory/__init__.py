"""What is kept for backward."""

from passband.memory.saved import SavedBytes as SavedBytes
from passband.memory.saved import saved as saved
