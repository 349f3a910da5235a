"""``python -m qrcascade``: the command line."""

from __future__ import annotations

from qrcascade.cli import main

if __name__ == "__main__":
    main(prog_name="qrcascade")
