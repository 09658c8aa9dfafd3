"""The experiments of the papers, as files that the command line runs."""

from passband.lab.experiments.experiment import Experiment, available, load

__all__ = ["Experiment", "available", "load"]
