"""Figures, printed as ratios against a named peer or limit: ``python -m benchmarks.NAME [--json]``."""
