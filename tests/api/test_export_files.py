"""The files of an export: whole, in ranges, by their tags, and none that it does not name."""

import hashlib

import pytest

from tests.exports import CONTENT, EXPORT, PATH, Orderer


async def test_a_file_is_fetched_whole_or_gone_on_with(someone: Orderer) -> None:
    path = f"/{EXPORT}/parts/{PATH}"
    whole = await someone.ask("GET", path)
    tag = whole.headers["ETag"]

    half = await someone.ask("GET", path, headers={"Range": "bytes=0-9"})
    rest = await someone.ask("GET", path, headers={"Range": "bytes=10-", "If-Range": tag})
    end = await someone.ask("GET", path, headers={"Range": "bytes=-3"})

    assert tag == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    assert whole.headers["Content-Type"] == "application/x-ndjson"
    assert whole.headers["Content-Disposition"] == (
        'attachment; filename="acme-chats-2026-09-part-00000.jsonl"'
    )
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert (whole.headers["Accept-Ranges"], whole.headers["Content-Length"]) == (
        "bytes",
        str(len(CONTENT)),
    )
    assert (half.status_code, rest.status_code, end.status_code) == (206, 206, 206)
    assert half.content + rest.content == whole.content == CONTENT
    assert rest.headers["Content-Range"] == f"bytes 10-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert end.content == CONTENT[-3:]
    assert {each.headers["ETag"] for each in (half, rest, end)} == {tag}


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=10-", "If-Range": '"another"'},
        {"Range": "bytes=10-", "If-Range": 'W/"another"'},
        {"Range": "bytes=0-1,3-4"},
        {"Range": "bytes=9-3"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=x"},
        {"Range": "10-"},
        {"Range": "bytes=99-", "If-Range": '"another"'},
    ],
)
async def test_what_asks_for_no_range_of_this_file_gets_all_of_it(
    someone: Orderer, headers: dict[str, str]
) -> None:
    answer = await someone.ask("GET", f"/{EXPORT}/parts/{PATH}", headers=headers)

    assert (answer.status_code, answer.content) == (200, CONTENT)


async def test_a_range_behind_the_end_is_answered_with_where_that_is(someone: Orderer) -> None:
    path = f"/{EXPORT}/parts/{PATH}"
    for asked in (f"bytes={len(CONTENT)}-", "bytes=-0"):
        answer = await someone.ask("GET", path, headers={"Range": asked})

        assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


async def test_who_has_a_file_is_not_sent_it_again(someone: Orderer) -> None:
    for path in (f"/parts/{PATH}", "/manifest.json", "/complete.json"):
        tag = (await someone.ask("GET", f"/{EXPORT}{path}")).headers["ETag"]

        same = await someone.ask("GET", f"/{EXPORT}{path}", headers={"If-None-Match": tag})
        other = await someone.ask("GET", f"/{EXPORT}{path}", headers={"If-None-Match": '"x"'})

        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
        assert other.status_code == 200


async def test_what_tells_of_the_files_is_gone_on_with_too(someone: Orderer) -> None:
    for name in ("manifest.json", "complete.json"):
        whole = await someone.ask("GET", f"/{EXPORT}/{name}")
        rest = await someone.ask("GET", f"/{EXPORT}/{name}", headers={"Range": "bytes=5-"})

        assert (rest.status_code, rest.content) == (206, whole.content[5:])
        assert whole.headers["Content-Type"] == "application/json"
        assert whole.headers["Content-Disposition"] == f'attachment; filename="acme-{name}"'


async def test_head_tells_of_a_file_and_sends_none_of_it(someone: Orderer) -> None:
    answer = await someone.ask("HEAD", f"/{EXPORT}/parts/{PATH}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["ETag"] == f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.mark.parametrize(
    "path",
    [
        "../order.json",
        "%2e%2e/order.json",
        "..%2f..%2flock",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "_progress/chats-00000.json",
        "manifest.json",
        PATH + "/",
        PATH.upper(),
        "table=chats",
        "%00",
        "",
    ],
)
async def test_nothing_is_served_that_the_export_does_not_name(someone: Orderer, path: str) -> None:
    answer = await someone.ask("GET", f"/{EXPORT}/parts/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_file_that_is_not_as_it_was_written_is_not_served(orderer: Orderer) -> None:
    orders = orderer.served.state.exporting.orders
    file = orders.files(orders.all()[0]) / PATH
    for damage in (lambda: file.write_bytes(CONTENT[:-1]), file.unlink):
        damage()

        answer = await orderer.ask("GET", f"/{EXPORT}/parts/{PATH}")

        assert (answer.status_code, answer.json()["code"]) == (503, "exports_unavailable")
