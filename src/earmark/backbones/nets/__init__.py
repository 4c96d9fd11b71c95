"""Nets: torch architectures, each held to its reference by a test. One part is one file."""
