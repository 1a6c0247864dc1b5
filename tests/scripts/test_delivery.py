"""Delivery through a server: requests of a bounded size, every event once, in order."""

from hypothesis import given
from hypothesis import strategies as st

from eventstore.event import NewEvent
from scripts.delivery import MAX_LINES, bodies


def event(payload: str) -> NewEvent:
    return NewEvent("fetch:1", "import", "app", 1, "ONIMV2MESSAGEADD", 0, None, payload)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100))
def test_a_request_is_within_its_bound_unless_one_event_is_beyond_it(
    sizes: list[int], most: int
) -> None:
    payloads = [f"{number:04}" + "x" * size for number, size in enumerate(sizes)]

    sent = list(bodies(map(event, payloads), most))

    assert b"\n".join(sent).decode().split("\n") == (payloads or [""])
    assert all(len(body) <= most or b"\n" not in body for body in sent)


def test_a_request_has_a_bounded_number_of_lines() -> None:
    sent = list(bodies([event("{}")] * (2 * MAX_LINES + 1), 2**20))

    assert [body.count(b"{}") for body in sent] == [MAX_LINES, MAX_LINES, 1]
