"""Numbers in fewer bytes: masks of one bit, codes of a few, sparse spectra as mask and values."""
