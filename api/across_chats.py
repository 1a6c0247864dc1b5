"""Messages across chats: all that some filters keep, or those whose texts say what is sought."""

from collections.abc import Sequence
from typing import Final, cast

from api import models
from api.coverage import tell_of_messages, tell_of_portal
from api.message_shape import shown_messages, standing_texts
from api.models import Hit, Listed
from api.problems import Problem
from api.queries import MessagesQuery
from api.read import ReadList
from api.shapes import version
from projections.messages import MessageRow
from projections.read import search
from projections.read.search import HitKey, Wanted
from projections.search.message_words import Standing
from projections.search.terms import Term, highlights, terms_of

MOST_COUNTED: Final = 10_000
_FIRST: Final = -1
_LAST: Final = 2**63 - 1
_GONE: Final = "messages:read.deleted"
_STANDINGS: Final[dict[str, Standing]] = {
    "current": "current",
    "versions": "superseded",
    "deleted": "deleted",
}

_Read = ReadList[MessagesQuery]


async def messages_across_chats(read: _Read) -> Listed[Hit]:
    """Messages by id, or hits of a search by message and version."""
    return await (_listed(read) if read.query.q is None else _searched(read, read.query.q))


async def _listed(read: _Read) -> Listed[Hit]:
    descending = read.query.order == "desc"
    filters = read.query.conditions()
    found = await read.reader.among(
        filters,
        key=read.key([_LAST if descending else _FIRST])[0],
        limit=read.fetch,
        descending=descending,
    )
    page, more = read.cut(found, lambda row: [row.message_id])
    await _tell(read, page)
    answer = read.page([_hit(each) for each in await _shown(read, page)], more)
    if read.query.count:
        most = MOST_COUNTED + 1
        counted = await read.reader.count(filters, most=most)
        answer["page"]["count"] = _count(counted)
    return answer


async def _searched(read: _Read, query: str) -> Listed[Hit]:
    """Search. Raises Problem(scope_missing) for texts that the token may not see."""
    terms = terms_of(query)
    wanted = Wanted(terms, _standings(read), read.query.conditions())
    key = HitKey(*read.key(search.LAST if read.query.order == "desc" else search.FIRST))
    page, more = read.cut(
        await _hits(read, wanted, key=key, limit=read.fetch), lambda hit: [*hit.key]
    )
    await _tell(read, [hit.message for hit in page])
    answer = read.page(await _with_context(read, page, terms), more)
    if read.query.count:
        answer["page"]["count"] = _count(await _counted(read, wanted))
    return answer


async def _tell(read: _Read, rows: Sequence[MessageRow]) -> None:
    """Say how well it was seen: of one chat if only that is asked about."""
    if read.query.chat is None:
        await tell_of_portal(read)
    else:
        await tell_of_messages(read, read.query.chat, rows)


async def _hits(read: _Read, wanted: Wanted, *, key: HitKey, limit: int) -> list[search.Hit]:
    """Return hits behind `key`: as of a moment, only of texts that may still be read."""
    descending = read.query.order == "desc"
    found: list[search.Hit] = []
    while len(found) < limit:
        more = await read.reader.hits(wanted, key=key, limit=limit, descending=descending)
        standing = await standing_texts(read, [hit.message for hit in more])
        found += [
            hit for hit in more if read.access.sees_deleted or hit.message.message_id in standing
        ]
        if len(more) < limit:
            break
        key = more[-1].key
    return found[:limit]


async def _counted(read: _Read, wanted: Wanted) -> int:
    most = MOST_COUNTED + 1
    if read.view is None or read.access.sees_deleted:
        return await read.reader.count_hits(wanted, most=most)
    key = search.LAST if read.query.order == "desc" else search.FIRST
    return len(await _hits(read, wanted, key=key, limit=most))


def _standings(read: _Read) -> list[Standing]:
    if read.query.in_ != ("current",) and not read.access.sees_deleted:
        raise Problem(
            "scope_missing",
            f"This token lacks the scope `{_GONE}`, which `in` needs beyond `current`.",
            scope=_GONE,
        )
    return [_STANDINGS[each] for each in read.query.in_]


def _count(counted: int) -> models.Count:
    return models.Count(value=min(counted, MOST_COUNTED), capped=counted > MOST_COUNTED)


async def _with_context(
    read: _Read, page: Sequence[search.Hit], terms: Sequence[Term]
) -> list[Hit]:
    """Show hits and what is around them, all messages at once."""
    around = {hit.message.message_id: await _around(read, hit.message) for hit in page}
    rows = {
        row.message_id: row
        for hit in page
        for part in around[hit.message.message_id]
        for row in (hit.message, *part)
    }
    shown = dict(zip(rows, await _shown(read, list(rows.values())), strict=True))
    hits = []
    for found in page:
        hit = _hit(shown[found.message.message_id])
        hit["match"] = _match(found, terms)
        if read.query.context is not None:
            before, after = around[found.message.message_id]
            hit["context"] = models.Context(
                before=[shown[row.message_id] for row in before],
                after=[shown[row.message_id] for row in after],
            )
        hits.append(hit)
    return hits


async def _around(
    read: _Read, row: MessageRow
) -> tuple[Sequence[MessageRow], Sequence[MessageRow]]:
    if not read.query.context or row.chat_id is None:
        return (), ()
    before, after = [
        await neighbours(row.chat_id, key=row.message_id, limit=read.query.context)
        for neighbours in (read.reader.older, read.reader.newer)
    ]
    return before[::-1], after


def _hit(shown: models.Message) -> Hit:
    return cast(Hit, dict(shown))


def _match(found: search.Hit, terms: Sequence[Term]) -> models.Match:
    shown = version(found.version, visible=True)
    return {
        "version": shown["version"],
        "standing": found.standing,
        "text": found.version.text,
        "from": shown["from"],
        "until": shown["until"],
        "highlights": [[*span] for span in highlights(found.version.text, terms)],
    }


async def _shown(read: _Read, rows: Sequence[MessageRow]) -> list[models.Message]:
    return await shown_messages(read, rows, read.query.render)
