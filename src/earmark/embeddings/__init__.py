"""Embeddings of windows: made, pooled, written to files and to stores in shards."""
