"""How fast and how noisy we are, side by side with peers: `python -m benchmarks.<name>`."""
