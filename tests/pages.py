"""Pages that programs of ours write, read as a browser would: strictly."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset(["meta", "br", "link", "img", "input", "hr"])
_LOADING: Final = frozenset(
    ["src", "srcset", "data", "poster", "background", "action", "formaction", "ping"]
)


@dataclass
class Element:
    """An element: what stands in it, in order."""

    tag: str
    attributes: dict[str, str]
    parts: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words in it, as they are read."""
        words = (part if isinstance(part, str) else part.text for part in self.parts)
        return " ".join("".join(words).split())

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        """Find elements within, in order. `of_class` names a class."""
        wanted = attributes.pop("of_class", None)
        return [
            each
            for each in self.within()
            if each.tag == tag
            and (wanted is None or wanted in each.attributes.get("class", "").split())
            and attributes.items() <= each.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> "Element":
        """Find the only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def within(self) -> list["Element"]:
        """Return all elements in it, in order."""
        return [
            found
            for part in self.parts
            if not isinstance(part, str)
            for found in (part, *part.within())
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{self.getpos()}: an attribute is there twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"{self.getpos()}: {tag} ends within {self.open[-1].tag}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def page(text: str) -> Element:
    """Read a page, of which every element ends, within the one that it stands in."""
    assert text.startswith("<!doctype html>")
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root], "an element has no end"
    return reader.root.one("html")


def check_it_is_by_itself(read: Element) -> None:
    """Check that a page runs nothing, loads nothing, and forbids a browser to."""
    policy = read.one("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    forbidden = (
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "foreignobject",
    )
    assert [tag for tag in forbidden if read.all(tag)] == []
    for each in read.within():
        names = each.attributes.keys()
        assert not names & _LOADING, each
        assert not [name for name in names if name.startswith("on")], each
        if each.tag == "a":
            address = each.attributes["href"]
            assert address.startswith(("#", "http://", "https://", "mailto:")), address
    for style in read.all("style"):
        assert "url(" not in style.text
        assert "@import" not in style.text
    ids = [each.attributes["id"] for each in read.within() if "id" in each.attributes]
    assert len(ids) == len(set(ids))
