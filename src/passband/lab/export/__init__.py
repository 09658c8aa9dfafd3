"""Programs of models that run without passband, checked and timed."""
