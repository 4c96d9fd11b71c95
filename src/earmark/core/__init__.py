"""What every room stands on: errors, progress, whole files, paths, parts found by name, text for people."""
