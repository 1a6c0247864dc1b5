"""Every sample of the reference says exactly this, in every form in which it is sent."""

from typing import Any, Final

import pytest
from pydantic_core import from_json

from projections.decode import DECODERS, decode
from projections.facts import canonical_json
from tests import samples
from tests.projections.decode.received import at, said, sample, told

ROOM: Final = {"chat": 2207, "letter": "C", "owner_id": 41, "entity_type": "", "entity_id": ""}
ROOM_TITLED: Final = {**ROOM, "title": "Release 4.2 war room"}
ROOM_V2: Final = {**ROOM_TITLED, "type": "chat"}
THREAD: Final = {
    "chat": 2260,
    "title": "Comments",
    "type": "thread",
    "letter": "T",
    "owner_id": 41,
    "entity_type": "",
    "entity_id": "",
    "parent_chat_id": 2208,
    "parent_message_id": 190388,
}
PRIVATE: Final = {"chat": 2301, "letter": "P"}
PRIVATE_V2: Final = {"type": "private", "letter": "P", "entity_type": "", "entity_id": ""}
OPEN_LINE: Final = {
    "chat": 2405,
    "letter": "L",
    "entity_type": "LINES",
    "entity_id": "livechat|3|2404|77",
}

PRIYA: Final = {
    "user": 41,
    "name": "Priya Nair",
    "work_position": "Release manager",
    "kind": "user",
}
PRIYA_ADDING: Final = {"user": 41, "name": "Priya Nair", "work_position": "Release manager"}
PRIYA_CALLING: Final = {"user": 41, "name": "Priya Nair"}
TOMAS: Final = {"user": 58, "name": "Tomás Vidal", "work_position": "QA engineer", "kind": "user"}
HANNA: Final = {"user": 63, "name": "Hanna Lind", "work_position": "", "kind": "user"}
VISITOR: Final = {"user": 77, "name": "Web Visitor", "work_position": "", "kind": "user"}

PLAN: Final = "[USER=912]Archivist[/USER], please log the rollout plan"
PLAN_2: Final = f"{PLAN} v2 ✅"
LOGGED: Final = "Logged. Reply with /plan export to download."
INVITED: Final = (
    "[USER=41 REPLACE]Priya Nair[/USER] invited [USER=63 REPLACE]Hanna Lind[/USER] to the chat"
)

POSTED_AT: Final = at("10:15:00")


def posted(text: str, **columns: Any) -> dict[str, Any]:
    return said("message_posted", text=text, **columns)


def plan_posted(**columns: Any) -> dict[str, Any]:
    return posted(PLAN, message_id=190411, chat_id=2207, user_id=41, **columns)


def plan_edited(**columns: Any) -> dict[str, Any]:
    edit = {"message_id": 190411, "chat_id": 2207, "user_id": 41, "text": PLAN_2}
    return said("message_edited", **edit, **columns)


def plan_deleted(**columns: Any) -> dict[str, Any]:
    return said("message_deleted", message_id=190411, chat_id=2207, user_id=41, **columns)


def fire(kind: str, **columns: Any) -> dict[str, Any]:
    return said(
        kind,
        message_id=190411,
        chat_id=2207,
        user_id=63,
        text=PLAN_2,
        code="fire",
        chat_profile=ROOM_V2,
        user_profile=HANNA,
        detail={"author": 41, "posted_at": POSTED_AT},
        **columns,
    )


def like(kind: str, **columns: Any) -> dict[str, Any]:
    return said(
        kind,
        message_id=190412,
        chat_id=2207,
        user_id=58,
        text=LOGGED,
        code="like",
        chat_profile=ROOM_V2,
        user_profile=TOMAS,
        detail={"author": 931, "posted_at": at("10:15:04")},
        **columns,
    )


def command(bot: int, called_at: int, posted_at: int, **profiles: Any) -> list[dict[str, Any]]:
    named = {"message_id": 190430, "chat_id": 2207, "user_id": 41}
    call = {"bot": bot, "params": "export csv", "context": "textarea"}
    weak = {"detail": {"weak": True}} if posted_at == called_at else {}
    return [
        posted("/plan export csv", **named, occurred_at=posted_at, **profiles, **weak),
        said(
            "command_called", **named, occurred_at=called_at, code="plan", detail=call, **profiles
        ),
    ]


def read(**columns: Any) -> dict[str, Any]:
    return said(
        "message_observed",
        chat_id=2207,
        occurred_at=at("11:30:00"),
        basis="rest_snapshot",
        **columns,
    )


def listed(user_id: int, code: str, **columns: Any) -> dict[str, Any]:
    return said(
        "member_observed",
        chat_id=2207,
        user_id=user_id,
        occurred_at=at("11:30:00"),
        code=code,
        basis="rest_snapshot",
        **columns,
    )


def context_opened(occurred_at: int) -> dict[str, Any]:
    return said(
        "context_opened",
        chat_id=2310,
        user_id=41,
        occurred_at=occurred_at,
        chat_profile={**PRIVATE_V2, "chat": 2310, "owner_id": 931},
        user_profile=PRIYA,
    )


def bot_joined(bot: int, occurred_at: int) -> dict[str, Any]:
    return said(
        "member_joined",
        chat_id=2207,
        user_id=bot,
        occurred_at=occurred_at,
        chat_profile=ROOM_V2,
        user_profile=PRIYA,
        detail={"by": 41},
    )


V2: Final = {"chat_profile": ROOM_V2, "user_profile": PRIYA}
ACTOR: Final = {"actor": 41}

IM_V2: Final = {
    "joinchat": [
        said(
            "member_joined",
            chat_id=2207,
            user_id=63,
            occurred_at=at("10:06:00"),
            chat_profile=ROOM_V2,
            user_profile=HANNA,
        )
    ],
    "messageadd": [plan_posted(occurred_at=POSTED_AT, **V2)],
    "messageadd_comment": [
        posted(
            "+1 for Thursday",
            message_id=190454,
            chat_id=2260,
            user_id=63,
            occurred_at=at("10:43:00"),
            chat_profile=THREAD,
            user_profile=HANNA,
        )
    ],
    "messageadd_forward": [
        posted(
            "Go/no-go at 16:00",
            message_id=190452,
            chat_id=2207,
            user_id=58,
            occurred_at=at("10:42:00"),
            chat_profile=ROOM_V2,
            user_profile=TOMAS,
            detail={
                "files": [{"id": 8801, "name": None, "type": None, "size": None}],
                "forward": {"chat_id": 2201, "message_id": 190390, "author_id": 41},
            },
        )
    ],
    "messageadd_private_own": [
        posted(
            "ping",
            message_id=190450,
            chat_id=2333,
            user_id=58,
            occurred_at=at("10:41:00"),
            chat_profile={**PRIVATE_V2, "chat": 2333, "owner_id": 58},
            user_profile=TOMAS,
        )
    ],
    "messageadd_system": [
        posted(
            INVITED,
            message_id=190402,
            chat_id=2207,
            user_id=0,
            occurred_at=at("10:06:00"),
            code="CHAT_JOIN",
            chat_profile=ROOM_V2,
            detail={"system": True},
        )
    ],
    "messageupdate": [
        plan_edited(occurred_at=at("10:17:31"), **V2, detail={"posted_at": POSTED_AT})
    ],
    "messagedelete": [plan_deleted(occurred_at=at("10:20:11"), **V2)],
    "reactionchange": [fire("reaction_added", occurred_at=at("10:18:06"))],
    "reactionchange_delete": [fire("reaction_removed", occurred_at=at("10:19:01"))],
}

IMBOT_V2: Final = {
    "commandadd": command(931, at("10:25:01"), at("10:25:00"), **V2),
    "commandadd.webhook": command(940, at("10:25:02"), at("10:25:00"), **V2),
    "contextget": [context_opened(at("10:50:01"))],
    "contextget.webhook": [context_opened(at("10:50:02"))],
    "delete": [said("bot_unregistered", user_id=931, occurred_at=at("18:00:01"))],
    "delete.webhook": [said("bot_unregistered", user_id=940, occurred_at=at("18:00:02"))],
    "joinchat": [bot_joined(931, at("10:05:01"))],
    "joinchat.webhook": [bot_joined(940, at("10:05:02"))],
    "messageadd": [plan_posted(occurred_at=POSTED_AT, **V2)],
    "messageadd.webhook": [plan_posted(occurred_at=POSTED_AT, **V2)],
    "messageadd_nulls_dropped.webhook": [plan_posted(occurred_at=POSTED_AT, **V2)],
    "messageupdate": [
        plan_edited(occurred_at=at("10:17:31"), **V2, detail={"posted_at": POSTED_AT})
    ],
    "messageupdate.webhook": [
        plan_edited(occurred_at=at("10:17:32"), **V2, detail={"posted_at": POSTED_AT, **ACTOR})
    ],
    "messagedelete": [plan_deleted(occurred_at=at("10:20:11"), **V2)],
    "messagedelete.webhook": [plan_deleted(occurred_at=at("10:20:12"), **V2, detail=ACTOR)],
    "reactionchange": [like("reaction_added", occurred_at=at("10:18:06"))],
    "reactionchange.webhook": [like("reaction_added", occurred_at=at("10:18:07"))],
    "reactionchange_delete": [like("reaction_removed", occurred_at=at("10:19:01"))],
}

TO_BOT: Final = {"chat_profile": ROOM_TITLED, "user_profile": PRIYA}
PRIVATELY: Final = {"chat_profile": PRIVATE, "user_profile": PRIYA}
ASKED: Final = "Hi, what did we decide about the freeze?"
ASKED_PRIVATELY: Final = posted(
    ASKED, message_id=190420, chat_id=2301, user_id=41, occurred_at=at("10:30:01"), **PRIVATELY
)

LEGACY: Final = {
    "onimbotdelete": [said("bot_unregistered", user_id=912, occurred_at=at("18:00:00"))],
    "onimbotjoinchat": [
        said(
            "member_joined",
            chat_id=2207,
            user_id=912,
            occurred_at=at("10:05:01"),
            chat_profile=ROOM,
            user_profile=PRIYA_ADDING,
            detail={"by": 41},
        )
    ],
    "onimbotjoinchat_private": [
        said(
            "member_joined",
            user_id=912,
            occurred_at=at("10:29:00"),
            user_profile=PRIYA_ADDING,
            detail={"by": 41, "dialog_user": 41},
        )
    ],
    "onimbotmessageadd": [plan_posted(occurred_at=at("10:15:01"), **TO_BOT)],
    "onimbotmessageadd_openline_noauth": [
        posted(
            "Where is my parcel?",
            message_id=190440,
            chat_id=2405,
            user_id=77,
            occurred_at=at("11:00:01"),
            chat_profile=OPEN_LINE,
            user_profile=VISITOR,
        )
    ],
    "onimbotmessageadd_private": [ASKED_PRIVATELY],
    "onimbotmessageadd_rawbrackets": [ASKED_PRIVATELY],
    "onimbotmessageadd_reply_file": [
        posted(
            "see attached",
            message_id=190426,
            chat_id=2301,
            user_id=41,
            occurred_at=at("10:33:01"),
            **PRIVATELY,
            detail={
                "files": [
                    {"id": 8801, "name": "rollout plan & dates.pdf", "type": "file", "size": 48213}
                ],
                "reply_to": {"message_id": 190420, "author_id": 41, "text": ASKED},
            },
        )
    ],
    "onimbotmessageadd_two_bots": [
        posted(
            "[USER=912]Archivist[/USER] [USER=918]QA Helper[/USER] status?",
            message_id=190424,
            chat_id=2207,
            user_id=41,
            occurred_at=at("10:31:00"),
            **TO_BOT,
        )
    ],
    "onimbotmessagedelete": [
        plan_deleted(occurred_at=at("10:20:11"), chat_profile=ROOM, detail=ACTOR)
    ],
    "onimbotmessagedelete_private": [
        said(
            "message_deleted",
            message_id=190420,
            user_id=41,
            occurred_at=at("10:40:01"),
            user_profile=PRIYA,
            detail=ACTOR,
        )
    ],
    "onimbotmessageupdate": [
        plan_edited(occurred_at=at("10:17:31"), chat_profile=ROOM, detail=ACTOR)
    ],
    "onimbotmessageupdate_private": [
        said(
            "message_edited",
            message_id=190420,
            chat_id=2301,
            user_id=41,
            occurred_at=at("10:32:01"),
            text="Hi, what did we decide about the code freeze?",
            chat_profile={**PRIVATE, "owner_id": 912, "entity_id": ""},
            user_profile=PRIYA,
            detail=ACTOR,
        )
    ],
    "onimcommandadd": command(
        912, at("10:25:01"), at("10:25:01"), chat_profile=ROOM_TITLED, user_profile=PRIYA_CALLING
    ),
}

OWN: Final = {
    "queue_watched": [
        said(
            "queue_watched",
            occurred_at=at("11:26:40"),
            detail={
                "since": at("10:20:00"),
                "sees": "everything",
                "hole": {
                    "from": at("08:00:00", "2026-09-13"),
                    "cause": "poll_outage_over_retention",
                },
            },
        )
    ],
    "queue_watched_unbroken": [
        said(
            "queue_watched",
            occurred_at=at("11:26:40"),
            detail={"since": at("10:20:00"), "sees": "mentions"},
        )
    ],
    "chat_read": [
        said(
            "chat_observed",
            chat_id=2207,
            occurred_at=at("11:30:00"),
            code="read",
            chat_profile=ROOM_V2,
            detail={"since": at("09:00:00", "2026-09-12")},
        )
    ],
    "chat_read_lost": [
        said(
            "chat_observed",
            chat_id=2207,
            occurred_at=at("11:30:00"),
            code="lost",
        )
    ],
    "messages_read": [
        read(
            message_id=190412,
            user_id=931,
            text=LOGGED,
            user_profile={"user": 931, "name": "Ledger", "work_position": "", "kind": "bot"},
            detail={
                "posted_at": at("10:15:04"),
                "files": [{"id": 70112, "name": "plan.csv", "type": "file", "size": 1840}],
                "reply_to": {"message_id": 190409, "author_id": None, "text": None},
            },
        ),
        read(message_id=190409, user_id=58, detail={"posted_at": at("10:14:02"), "deleted": True}),
        read(
            message_id=190402,
            user_id=0,
            text=INVITED,
            code="CHAT_JOIN",
            detail={"posted_at": at("10:06:00"), "system": True},
        ),
        read(message_id=190411, detail={"gone": True}),
    ],
    "messages_read_v2": [
        read(
            message_id=190405,
            user_id=0,
            text="[USER=63 REPLACE]Hanna Lind[/USER] left the chat",
            code="CHAT_LEAVE",
            detail={"posted_at": at("10:12:00"), "system": True},
        ),
        said(
            "member_left",
            chat_id=2207,
            user_id=63,
            occurred_at=at("10:12:00"),
            basis="observed",
        ),
        read(
            message_id=190409,
            user_id=58,
            text="Build 4.2.7 is green",
            user_profile={"user": 58, "name": "Tomás Vidal", "kind": "user"},
            detail={
                "posted_at": at("10:14:02"),
                "forward": {"chat_id": 2201, "message_id": 190390, "author_id": 41},
            },
        ),
        read(message_id=190412, user_id=931, detail={"posted_at": at("10:15:04"), "deleted": True}),
    ],
    "members_read": [
        listed(41, "present"),
        listed(58, "present", user_profile=TOMAS),
        listed(931, "present"),
        listed(63, "absent"),
    ],
    "members_read_refused": [],
}

SAYS: Final[dict[str, list[dict[str, Any]]]] = {
    **{f"own_events/{name}": facts for name, facts in OWN.items()},
    **{f"im_v2/onimv2{name}": facts for name, facts in IM_V2.items()},
    **{f"imbot_v2/onimbotv2{name}": facts for name, facts in IMBOT_V2.items()},
    **{f"legacy/{name}": facts for name, facts in LEGACY.items()},
    "common/onappinstall": [],
    "common/onappuninstall": [],
}
EVENTS: Final = samples.ITEMS + samples.WEBHOOKS + samples.FORMS + samples.OWN


def kind_of(name: str) -> str:
    return name.removesuffix(".json").removesuffix(".form")


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_says_exactly_this(name: str) -> None:
    assert told(sample(name)) == SAYS[kind_of(name)]


@pytest.mark.parametrize("name", EVENTS)
def test_a_fact_carries_its_events_header(name: str) -> None:
    event = sample(name)

    facts = decode(event).facts

    assert [fact.ordinal for fact in facts] == list(range(len(facts)))
    for fact in facts:
        assert (fact.portal_id, fact.position) == (event.portal_id, event.position)
        assert (fact.witness, fact.sequence) == (event.receiver, event.sequence)


@pytest.mark.parametrize("name", EVENTS)
def test_every_profile_that_a_fact_names_comes_with_its_content(name: str) -> None:
    event = sample(name)

    facts, profiles = decode(event)

    named = {fact.chat_profile for fact in facts} | {fact.user_profile for fact in facts}
    assert named - {None} <= profiles.keys()
    assert all(canonical_json(from_json(content)) == content for content in profiles.values())


@pytest.mark.parametrize("name", EVENTS)
def test_a_witness_that_is_a_bot_is_known_to_be_one(name: str) -> None:
    event = sample(name)

    facts, profiles = decode(event)

    kind, _, number = event.receiver.partition(":")
    content = canonical_json({"user": int(number), "kind": "bot"}) if kind == "bot" else None
    assert (content in profiles.values()) == (bool(facts) and kind == "bot")


def test_every_event_has_a_sample() -> None:
    assert {sample(name).event_type for name in EVENTS if SAYS[kind_of(name)]} == set(DECODERS)


@pytest.mark.parametrize("name", [name for name in SAYS if f"{name}.webhook" in SAYS])
def test_a_webhook_says_what_the_queue_says(name: str) -> None:
    item, webhook = told(sample(f"{name}.json")), told(sample(f"{name}.webhook.json"))

    for fact in item + webhook:  # their clocks differ, and only a webhook hints at the actor
        if fact["kind"] != "message_posted":
            del fact["occurred_at"]
        fact.get("detail", {}).pop("actor", None)
        if not fact.get("detail"):
            fact.pop("detail", None)
    elsewhere = str(webhook).replace("940", "931")  # another bot's handler
    assert elsewhere == str(item)
