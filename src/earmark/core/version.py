"""The version of Earmark: what a model and a report say they were made by."""

__version__ = "0.2.0"
