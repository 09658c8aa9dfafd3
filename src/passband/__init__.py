"""passband: band-limited and spectral-domain convolutional networks for PyTorch."""

__version__ = "0.1.0"
