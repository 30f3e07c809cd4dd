"""``python -m refp``."""

from refp.cli.app import main

main()
