"""Shapes of SVG, with a title and a description for who does not see them."""

import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


class Drawing:
    """A picture of some width and height, made of shapes. All words in it are text."""

    def __init__(self, name: str, width: float, height: float, title: str, about: str) -> None:
        said = {"id": f"{name}-title"}, {"id": f"{name}-about"}
        self._root = Element(
            "svg",
            {
                "viewBox": f"0 0 {width:g} {height:g}",
                "role": "img",
                "aria-labelledby": f"{name}-title {name}-about",
            },
        )
        SubElement(self._root, "title", said[0]).text = clean(title)
        SubElement(self._root, "desc", said[1]).text = clean(about)

    def line(self, begin: tuple[float, float], end: tuple[float, float], of: str) -> None:
        """Draw a line; `of` is its class."""
        places = {"x1": begin[0], "y1": begin[1], "x2": end[0], "y2": end[1]}
        SubElement(self._root, "line", {"class": of, **_numbers(places)})

    def box(self, at: tuple[float, float], size: tuple[float, float], of: str, says: str) -> None:
        """Draw a box. `says` is shown where it is pointed at."""
        places = {"x": at[0], "y": at[1], "width": size[0], "height": size[1]}
        _say(SubElement(self._root, "rect", {"class": of, **_numbers(places)}), says)

    def dot(self, at: tuple[float, float], of: str, says: str) -> None:
        """Draw a dot."""
        places = {"cx": at[0], "cy": at[1], "r": 5}
        _say(SubElement(self._root, "circle", {"class": of, **_numbers(places)}), says)

    def path(self, points: list[tuple[float, float]], of: str) -> None:
        """Draw lines from point to point."""
        spelled = " ".join(f"{x:g},{y:g}" for x, y in points)
        SubElement(self._root, "polyline", {"class": of, "points": spelled})

    def words(
        self, at: tuple[float, float], text: str, of: str = "", anchor: str = "start"
    ) -> None:
        """Write some words, by themselves: they turn no others around."""
        attributes = {"class": of, "text-anchor": anchor, **_numbers({"x": at[0], "y": at[1]})}
        SubElement(self._root, "text", attributes).text = f"{_ISOLATE}{clean(text)}{_END_ISOLATE}"

    def spelled(self) -> Markup:
        """Return the picture as a part of a page."""
        return Markup(tostring(self._root, encoding="unicode"))  # noqa: S704 - it escapes


def clean(text: str) -> str:
    """Return a text without what no XML may hold."""
    return _CONTROL.sub("\ufffd", text)


def cut(text: str, most: int) -> str:
    """Return a text of at most so many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _numbers(places: dict[str, float]) -> dict[str, str]:
    return {name: f"{round(value, 2):g}" for name, value in places.items()}


def _say(shape: Element, text: str) -> None:
    SubElement(shape, "title").text = clean(text)
