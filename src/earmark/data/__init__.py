"""Clips and data sets: where they come from, how they are split, where they are kept."""
