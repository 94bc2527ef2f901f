"""What skeldpo claims in figures, each printed by `python -m benchmarks.NAME`."""
