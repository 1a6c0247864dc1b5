"""stub"""

from scripts.console import application

app = application()


@app.command()
def demo() -> None:
    """x"""
