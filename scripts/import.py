"""`python -m scripts.import`: the word is reserved, so what it runs is `scripts.imports`."""  # noqa: N999

from scripts.console import run
from scripts.imports import app

if __name__ == "__main__":
    run(app)
