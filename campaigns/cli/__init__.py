"""The command line: the only room that prints, or reads a terminal."""

import sys


def main() -> None:
    """Run `relais`; every expected error is one line on stderr and a named exit code."""
    from campaigns.cli.language import install_language

    install_language()  # before any command module: their help texts are translated when they are read
    from campaigns.cli.app import run

    sys.exit(run())
