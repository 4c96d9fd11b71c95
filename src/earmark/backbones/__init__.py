"""Backbones: from samples to embeddings. One part is one file."""
