"""`chronicle`: where the program begins.

Each process that a command starts imports this module, too, and then what its work needs. So it
imports nothing: all that a command line is made of would take 0.4 s of each of them.
"""

from importlib import import_module


def main() -> None:
    """Run what the command line asks for."""
    import_module("scripts.commands").main()


if __name__ == "__main__":
    main()
