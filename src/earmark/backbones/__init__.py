"""Backbones: from samples to rows. One part is one file."""
