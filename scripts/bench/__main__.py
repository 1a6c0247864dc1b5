"""`python -m scripts.bench`: where the benchmark begins.

As in `scripts/cli.py`, every process that what is measured starts from here imports this module,
too: it imports nothing, or they would load all of the benchmark while the clock runs.
"""

from importlib import import_module

if __name__ == "__main__":
    import_module("scripts.bench.run").main()
