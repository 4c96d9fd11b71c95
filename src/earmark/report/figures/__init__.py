"""The drawings: one file says how one thing is drawn. Each function returns a ``style.Figure``."""
