"""Has the head of the log stamped each day by an authority that others trust (RFC 3161), and keeps the stamps.

Its library is an extra, imported only where a stamp is asked. Whether a stamp is sound is for the verifier to say, who
has the authority's certificate; here is only made sure that it was given, and for this head.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log, outside
from audit.note import parse

EVERY = timedelta(days=1)
"""Between two stamps."""
LOOK_AGAIN = 600.0
"""Seconds between looks whether a stamp is due, and until one that was not given is asked again."""

Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
Send = Callable[[bytes], Awaitable[bytes | None]]
"""Posts a request to the authority; None if there was no answer."""


class StampError(Exception):
    """The authority gave no stamp for what was asked; the text says in Dutch what it did instead."""


async def run(begin: Begin, send: Send, clock: Callable[[], datetime]) -> None:
    """Have a head stamped each day, for ever. A stamp that is not given is told, and asked again."""
    while True:
        try:
            await stamp(begin, send, clock())
        except StampError as error:
            logging.getLogger("ketenpoort").error("geen tijdstempel: %s", error)  # noqa: TRY400 - it says all
        await asyncio.sleep(LOOK_AGAIN)


async def stamp(begin: Begin, send: Send, now: datetime) -> bool:
    """Have the newest head stamped if the last stamp is a day old; return whether it was. Raises `StampError`."""
    async with begin() as db:
        last, head = await outside.last_stamp(db), await log.latest(db)
    if head is None or (last is not None and now - last < EVERY):
        return False
    text = parse(head.note.encode()).text.encode()
    request, nonce = _request(text)
    answer = await send(request)
    if answer is None:
        raise StampError("de autoriteit antwoordt niet")
    _accept(answer, text, nonce)
    async with begin() as db:
        await outside.keep_stamp(db, head, answer, now)
    return True


def _request(text: bytes) -> tuple[bytes, int | None]:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415 - its library is an extra

    made = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
    return made.as_bytes(), made.nonce


def _accept(answer: bytes, text: bytes, nonce: int | None) -> None:
    """Make sure that an answer is a stamp for this text, given for this request."""
    from rfc3161_client import PKIStatus, decode_timestamp_response  # noqa: PLC0415 - its library is an extra

    try:
        given = decode_timestamp_response(answer)
        if given.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            raise StampError("de autoriteit weigert")
        told = given.tst_info
    except ValueError:
        raise StampError("het antwoord is geen tijdstempel") from None
    if told.message_imprint.message != sha256(text).digest() or told.nonce != nonce:
        raise StampError("het tijdstempel is voor iets anders")
