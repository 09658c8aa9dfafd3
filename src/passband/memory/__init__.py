"""What is kept for backward."""

from passband.memory.attach import attach_ as attach_
from passband.memory.attach import detach_ as detach_
from passband.memory.policy import MemoryPolicy as MemoryPolicy
from passband.memory.saved import SavedBytes as SavedBytes
from passband.memory.saved import saved as saved
