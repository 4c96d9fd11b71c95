"""Nets in 8 bits: made once from float32, calibrated, and measured against it."""
