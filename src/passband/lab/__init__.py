"""The laboratory: data, models, training and studies. Install it with ``passband[lab]``."""
