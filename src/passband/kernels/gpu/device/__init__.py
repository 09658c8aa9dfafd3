"""Code that runs on the device. Importing a module in here imports Triton."""
