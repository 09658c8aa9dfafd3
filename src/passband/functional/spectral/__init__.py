"""Functions on spectra: what SpecNet computes without going back to space."""
