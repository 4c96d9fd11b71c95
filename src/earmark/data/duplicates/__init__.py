"""Copies of one recording: found by what the sound is, so that no split cuts them apart."""
