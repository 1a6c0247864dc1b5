"""A text as HTML: what it means, and nothing that a browser would act upon, whatever is sent."""

import unicodedata
from html.parser import HTMLParser
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.bbcode import Mention, plain
from projections.html import html

FENCE = "-" * 54
VOID = {"br"}
ATTRIBUTES = {"a": {"href", "rel"}, "span": {"class", "data-user-id"}}
TAGS = {"b", "i", "u", "s", "pre", "code", "blockquote", "br", *ATTRIBUTES}


def mention(name: str) -> str:
    return f'<span class="mention" data-user-id="7">{name}</span>'


def link(address: str, words: str) -> str:
    return f'<a href="{address}" rel="nofollow noopener noreferrer">{words}</a>'


def written(mention: Mention) -> str:
    return mention.written


def shown(text: str) -> str:
    return html(text, written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("[b]x [i]y[/i][/b] [U]u[/u] [s]s[/s]", "<b>x <i>y</i></b> <u>u</u> <s>s</s>"),
        ("[b]x [i]y[/b] z[/i]", "<b>x <i>y</i></b> z"),
        ("one\r\ntwo[br]three", "one<br>two<br>three"),
        (
            "[code]if a < b:\n    [b]x[/b]\n>> y[/code]",
            "<pre><code>if a &lt; b:\n    [b]x[/b]\n&gt;&gt; y</code></pre>",
        ),
        ("[USER=7 REPLACE]Ann[/USER]", mention("Ann")),
        ("[user=all]all[/user]", '<span class="mention">all</span>'),
        ("[user=7][b]A[url]n[/url]n[/b][/user]", mention("Ann")),
        ("[url=https://a.example/?x=1&y]here[/url]", link("https://a.example/?x=1&amp;y", "here")),
        ("[url]mailto:a@a.example[/url]", link("mailto:a@a.example", "mailto:a@a.example")),
        (
            "[url=https://a.example][url=https://b.example]x[/url][/url]",
            link("https://a.example", "x"),
        ),
        ("[url=/relative]x[/url] [url=//a.example]y[/url]", "x y"),
        ("[color=#f00][size=3]x[/size][/color] [send=/a]do[/send]", "x do"),
        ("[img]https://a.example/p.png[/img]", "https://a.example/p.png"),
        ("[icon=https://a.example/i.png title=Smile]", "Smile"),
        (">>a\n>>b\nc", "<blockquote>a<br>b<br></blockquote>c"),
        (">>[b]a[/b]\n[i]c[/i]", "<blockquote><b>a</b><br></blockquote><i>c</i>"),
        (f"a\n{FENCE}\nAnn\nb\n{FENCE}\nc", "a<br><blockquote>Ann<br>b<br></blockquote>c"),
        (
            f">>a\n{FENCE}\nb\n{FENCE}",
            "<blockquote>a<br></blockquote><blockquote>b<br></blockquote>",
        ),
        (f"a\n{FENCE}\nb", f"a<br>{FENCE}<br>b"),
        ("a >> b", "a &gt;&gt; b"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
    ],
)
def test_codes_mean_what_they_mean_in_a_chat(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "java&#115;cript:alert(1)",
        "&#x6A;avascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "https:alert(1)",
        "http:\\\\a.example",
        'https://a.example/" onmouseover="alert(1)',
        "blob:https://a.example/x",
    ],
)
def test_no_address_acts(address: str) -> None:
    for text in (f"[url={address}]x[/url]", f"[url]{address}[/url]", f"[url={address} ]x[/url]"):
        assert "<a" not in shown(text)


def test_a_name_is_no_markup() -> None:
    said = html("[user=7]x[/user]", lambda _: "<b onclick=x>Ann</b> & \n co")

    assert said == mention("&lt;b onclick=x&gt;Ann&lt;/b&gt; &amp; <br> co")


class _Seen(HTMLParser):
    """What a browser is given: the tags in their order, and whether they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag in TAGS
        assert given.keys() <= ATTRIBUTES.get(tag, set())
        assert len(given) == len(attrs)
        if given.get("href") is not None:
            assert str(given["href"]).lower().startswith(("http://", "https://", "mailto:"))
        if tag == "a":
            assert given["rel"] == "nofollow noopener noreferrer"
            assert "a" not in self.opened
        if tag == "span":
            assert given["class"] == "mention"
            assert str(given.get("data-user-id", 0)).isdecimal()
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


def seen(said: str) -> _Seen:
    found = _Seen()
    found.feed(said)
    found.close()
    assert not found.opened
    return found


hostile = st.lists(
    st.sampled_from(
        [
            *("[b]", "[/b]", "[i]", "[/i]", "[code]", "[/code]", "[url]", "[/url]", "[user=7]"),
            *("[/user]", "[user=all]", "[url=javascript:alert(1)]", "[url=https://a.example/]"),
            *('[url=https://a.example/"onload=x]', "[img]", "[/img]", "[icon=x title=<b>]"),
            *("[user=1 <i>]", "[size=<]", "[/size]", "[br]", "[url=http://[::1]", "\n", ">>"),
            *(f"\n{FENCE}\n", FENCE, "<", ">", '"', "'", "&", "&lt;", "&#106;", "`", "=", "/"),
            *("<script>", "</script>", "<style>", "</pre>", "<!--", "-->", "<![CDATA[", "]]>"),
            *("<svg onload=alert(1)>", "<math>", "javascript:", "\x01", "\u2028", "\ufeff", "x"),
        ]
    )
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@given(hostile | st.text())
@example("[user=1][b]x[/user]y[/b]")
@example("[b][user=1]x[/b][/user]y")
def test_whatever_is_sent_nothing_acts(text: str) -> None:
    seen(shown(text))


def _in_words(text: str) -> bool:
    """Say that a text has no marks of quotes, and nothing that is no character to a browser."""
    return FENCE not in text and ">>" not in text and all(map(_is_shown, text))


def _is_shown(character: str) -> bool:
    return character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cn"}


@given(hostile.filter(_in_words))
def test_the_words_are_those_of_the_plain_form(text: str) -> None:
    """Line ends aside, which are tags."""
    said = seen(shown(text)).text

    assert "".join(said.split()) == "".join(plain(text).split())


_CODES = ("b", "user=7", "url=https://a.example", "code", "size=3")
_PIECES = ("[b]", "[/b]", "[b][i][/b][/i]", "[", "[url=", "<", ">>a\nb\n", f"{FENCE}\n", "[code]")


@pytest.mark.parametrize("code", _CODES)
def test_time_is_linear_in_what_stands_within_each_other(code: str) -> None:
    name = code.partition("=")[0]

    assert_linear(*(f"[{code}]" * size + "x" + f"[/{name}]" * size for size in (1_250, 10_000)))


@pytest.mark.parametrize("piece", _PIECES)
def test_time_is_linear_in_what_follows_each_other(piece: str) -> None:
    assert_linear(piece * 1_250, piece * 10_000)


def test_time_is_linear_in_what_overlaps() -> None:
    assert_linear(*("[b]" * n + "[i]" * n + "[/b]" * n + "[/i]" * n for n in (1_250, 10_000)))


def assert_linear(short: str, eight_times: str) -> None:
    """What is quadratic would take 64 times as long."""
    assert _quickest(eight_times) < 24 * _quickest(short) + 0.1


def _quickest(text: str) -> float:
    """Return the least time of the processor, whoever else uses it."""
    found = []
    for _ in range(3):
        started = process_time()
        shown(text)
        found.append(process_time() - started)
    return min(found)


def test_what_stands_too_deep_is_shown_without_its_tags() -> None:
    text = "[b]" * 100 + "x" + "[/b]" * 100 + "[i]y[/i]"

    said = shown(text)

    assert said == "<b>" * 64 + "x" + "</b>" * 64 + "<i>y</i>"
