"""Parts for Earmark from another package."""
