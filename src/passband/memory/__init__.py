"""What training takes in memory, and policies that make it less."""

from passband.memory.attach import attach_ as attach_
from passband.memory.attach import detach_ as detach_
from passband.memory.estimate import Estimate as Estimate
from passband.memory.estimate import estimate as estimate
from passband.memory.largest import largest_batch as largest_batch
from passband.memory.largest import largest_input as largest_input
from passband.memory.policy import MemoryPolicy as MemoryPolicy
from passband.memory.saved import SavedBytes as SavedBytes
from passband.memory.saved import saved as saved
