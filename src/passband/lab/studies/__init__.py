"""The studies: each a grid, a measurement and rows of the tidy table."""

from passband.lab.studies.rates import RatesConfig, rates

__all__ = ["STUDIES", "RatesConfig", "rates"]

# A study's name on the command line, and one sentence about it.
STUDIES = {"rates": "accuracy, bytes held for backward and step time against keep"}
