"""`python -m streams` is `homebeat`: how the demo starts its own processes, whatever is on the PATH."""

from streams.cli import main

main()
