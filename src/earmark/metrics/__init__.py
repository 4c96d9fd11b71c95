"""Figures and how far they can be trusted: metrics, intervals, paired tests, calibration, out-of-distribution distance."""
