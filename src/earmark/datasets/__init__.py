"""Datasets: where clips come from. One part is one file."""
