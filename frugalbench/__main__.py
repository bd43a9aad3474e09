"""`python -m frugalbench` is the command line."""

from frugalbench.cli import main

main(prog_name="frugalbench")
