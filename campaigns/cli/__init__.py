"""The command line: the only room that prints, or reads a terminal."""

import sys


def main() -> None:
    """Run `relais`; every expected error is one line on stderr and a named exit code."""
    import io

    from campaigns.cli.language import install_language

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # a Windows pipe is cp1252, which has no narrow no-break space

    install_language()  # before any command module: their help texts are translated when they are read
    from campaigns.cli.app import run

    sys.exit(run())
