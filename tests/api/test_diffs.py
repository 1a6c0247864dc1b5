"""What changed from version to version: exactly, and only for who may see both texts."""

from tests.conftest import Reader

VERSIONS = "/messages/190411/versions"


async def test_a_version_says_how_it_differs_from_the_one_before(reader: Reader) -> None:
    first, second = (await reader.read(VERSIONS, diff="words"))["data"]

    assert first["diff"] is None
    assert second["diff"] == [
        {"op": "equal", "text": first["text"]},
        {"op": "insert", "text": " v2 ✅"},
    ]


async def test_nobody_is_told_of_diffs_who_did_not_ask(reader: Reader) -> None:
    for version in (await reader.read(VERSIONS))["data"]:
        assert "diff" not in version


async def test_pages_say_the_same_as_the_whole(reader: Reader) -> None:
    whole = (await reader.read(VERSIONS, diff="words"))["data"]

    pages = await reader.walk(VERSIONS, diff="words", limit=1)

    assert [version for page in pages for version in page] == whole


async def test_a_text_that_is_withheld_is_in_no_diff(reader: Reader) -> None:
    withheld = (await reader.read(VERSIONS, diff="words", token="messages"))["data"]  # noqa: S106 - a name

    assert [(each["text"], each["diff"]) for each in withheld] == [(None, None)] * 2


async def test_there_is_no_other_way_to_compare(reader: Reader) -> None:
    refused = await reader.get(f"/portals/acme{VERSIONS}", diff="letters")

    assert refused.status_code == 400
    assert refused.json()["detail"] == "`diff` must be `words`."
