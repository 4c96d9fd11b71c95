"""``python -m earmark`` is the command line."""

from .cli import main

main(prog_name="earmark")
