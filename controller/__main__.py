"""``python -m controller`` is ``coolwright``."""

from controller.cli.main import main

main()
