"""Heads: fitted on rows. One part is one file."""
