"""Heads: fitted on embeddings. One part is one file."""
