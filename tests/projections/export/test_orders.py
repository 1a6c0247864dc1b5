"""Exports that were ordered: a folder each, which says how far it is."""

import stat
from pathlib import Path

import pytest

from projections.errors import TargetUnusable
from projections.export.orders import Failure, Ordered, Orders
from projections.export.wanted import Wanted

NOW = 1_789_400_000_000_000
WANTED = Wanted(portal="acme", format="csv", tables=("chats",))
FAILURE = Failure(code="process_ended", detail="It was a test.")


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path / "exports", "ours")


def placed(orders: Orders, *, portal_id: int = 1, installation: str = "ours") -> Ordered:
    """Place an order."""
    order = Ordered(
        number=orders.reserve(NOW),
        installation=installation,
        portal_id=portal_id,
        token_id="0123456789ab",  # noqa: S106 - an id
        wanted=WANTED,
    )
    orders.place(order)
    return order


def test_orders_of_one_moment_have_numbers_of_their_own_in_order(orders: Orders) -> None:
    numbers = [placed(orders).number for _ in range(3)]

    assert numbers == [NOW, NOW + 1, NOW + 2]
    assert [each.number for each in orders.all()] == numbers


def test_nobody_else_on_the_machine_reads_an_export(orders: Orders) -> None:
    order = placed(orders)

    for folder in (orders.folder, orders.folder / str(order.number)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((orders.folder / str(NOW) / "order.json").stat().st_mode) == 0o600


def test_what_is_only_reserved_was_not_ordered(orders: Orders) -> None:
    orders.reserve(NOW)

    assert (orders.all(), orders.unfinished(), orders.one(1, NOW)) == ([], [], None)


def test_an_order_is_of_its_portal_and_of_its_installation(orders: Orders) -> None:
    mine = placed(orders, portal_id=1)
    theirs = placed(orders, portal_id=2)
    placed(orders, installation="another")

    assert orders.all() == [mine, theirs]
    assert orders.one(1, mine.number) == mine
    assert orders.one(1, theirs.number) is None
    assert orders.one(1, NOW + 2) is None


def test_an_order_of_another_version_is_left_alone(orders: Orders) -> None:
    order = placed(orders)
    (orders.folder / str(order.number) / "order.json").write_bytes(b'{"number": 1}')

    assert orders.all() == []


def test_only_one_makes_an_export_and_nobody_makes_it_again(orders: Orders) -> None:
    order = placed(orders)

    with orders.claim(order) as first, orders.claim(order) as second:
        assert (first, second) == (True, False)
        assert orders.how(order).state == "running"
    assert orders.how(order).state == "waiting"
    orders.fail(order, FAILURE)
    with orders.claim(order) as again:
        assert not again
    assert (orders.how(order).state, orders.how(order).failure) == ("failed", FAILURE)
    assert orders.unfinished() == []


def test_what_is_removed_cannot_be_claimed(orders: Orders) -> None:
    order = placed(orders)
    orders.remove(order.number)

    with orders.claim(order) as claimed:
        assert not claimed
    assert (orders.all(), list(orders.folder.iterdir())) == ([], [])


def test_what_was_written_says_how_far_it_is(orders: Orders) -> None:
    order = placed(orders)
    notes = orders.files(order) / "_progress"
    notes.mkdir(parents=True)
    (orders.files(order) / "manifest.json").write_bytes(
        b'{"tables": {"chats": {"pieces": [1, 2]}}}'
    )
    (notes / "chats-00000.json").write_bytes(b'[{"rows": 3}, {"rows": 4}]')
    (notes / "chats-00001.json.part").write_bytes(b"[{")

    found = orders.how(order)

    assert (found.pieces, found.of_pieces, found.rows) == (1, 2, 7)


def test_what_ended_long_ago_is_swept_away_and_nothing_else(orders: Orders) -> None:
    ended, waiting = placed(orders), placed(orders)
    orders.fail(ended, FAILURE)
    ended_at = orders.how(ended).ended_at
    assert ended_at is not None

    orders.sweep(ended_before=None)
    orders.sweep(ended_before=ended_at)
    assert orders.all() == [ended, waiting]
    orders.sweep(ended_before=ended_at + 1)

    assert orders.all() == [waiting]


def test_what_nobody_ordered_is_swept_away_when_it_is_old(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.reserve(NOW)
    (orders.folder / f"{NOW + 1}.removed" / "files").mkdir(parents=True)
    (orders.folder / "README").write_text("somebody else's")

    orders.sweep(ended_before=None)
    assert sorted(path.name for path in orders.folder.iterdir()) == [str(NOW), "README"]
    monkeypatch.setattr("projections.export.orders._STRAY", -1.0)
    orders.sweep(ended_before=None)

    assert [path.name for path in orders.folder.iterdir()] == ["README"]


def test_a_folder_that_cannot_be_used_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "exports").write_bytes(b"")
    orders = Orders(tmp_path / "exports", "ours")

    for ask in (lambda: orders.reserve(NOW), orders.all, lambda: orders.one(1, NOW)):
        with pytest.raises(TargetUnusable, match="exports: ") as told:
            ask()
        assert told.value.reason in {"File exists", "Not a directory"}


def test_without_a_folder_nothing_was_ordered(orders: Orders) -> None:
    orders.sweep(ended_before=NOW)

    assert orders.all() == []
    assert not orders.folder.exists()
