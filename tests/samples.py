"""The samples of the reference, as bytes: one invented portal, every event, every way it comes."""

from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

ROOT: Final = Path(__file__).parent / "fixtures" / "bitrix24"


def sample(name: str) -> bytes:
    """The bytes of one sample, by its path: `legacy/onimbotmessageadd.form`."""
    return ((ROOT.parent if name in OWN else ROOT) / name).read_bytes()


def tree(name: str) -> Any:
    """What one JSON sample says."""
    return from_json(sample(name))


def _names(pattern: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


def _is_webhook(name: str) -> bool:
    said = tree(name)
    return "event" in said and "auth" in said


def _is_item(name: str) -> bool:
    said = tree(name)
    return "eventId" in said and "type" in said


def _is_page(name: str) -> bool:
    said = tree(name).get("result")
    return isinstance(said, dict) and "events" in said


OWN: Final = sorted(f"own_events/{path.name}" for path in ROOT.parent.glob("own_events/*.json"))
"""What Chronicle itself tells: no portal sends it."""

JSON: Final = _names("**/*.json")
"""Every JSON sample, REST answers and error bodies included."""

FORMS: Final = _names("**/*.form")
"""The bodies of webhooks, exactly as they are sent."""

WEBHOOKS: Final = [name for name in JSON if _is_webhook(name)]
"""The decoded view of webhooks: every scalar a string."""

ITEMS: Final = [name for name in JSON if _is_item(name)]
"""Single items of a queue."""

PAGES: Final = [name for name in JSON if _is_page(name)]
"""Whole answers of Event.get, the empty ones too."""

TWINS: Final = {
    "imbot_v2/onimbotv2messageadd_nulls_dropped.webhook.form": None,
    "legacy/onimbotmessageadd_rawbrackets.form": "legacy/onimbotmessageadd_private.json",
}
"""The forms whose JSON view has another name, or none."""


def view(form: str) -> Any:
    """What a form must decode to, or None where no sample says it."""
    name = TWINS.get(form, form.removesuffix(".form") + ".json")
    return None if name is None else tree(name)
