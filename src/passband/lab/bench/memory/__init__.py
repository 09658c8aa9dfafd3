"""Ways to train in less memory: what each holds, costs and learns, side by side."""
