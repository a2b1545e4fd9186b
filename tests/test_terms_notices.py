"""What a party is told beside its messages."""

from gateway.commit import writing
from gateway.store import create_tables
from gateway.terms import notices
from gateway.terms.notices import WORDS, Kind, Notice


async def test_nobody_is_told_the_same_twice_and_who_saw_it_said_so(engine):
    async with writing(engine) as db:
        await create_tables(db)
        told = [Notice(party="98000001", kind=Kind.CERTIFICATE, at=1, about="aa", due_at=9)]
        await notices.add(db, told)
        await notices.add(db, [*told, Notice(party="98000002", kind=Kind.CERTIFICATE, at=2, about="aa")])
        await notices.add(db, [])
    async with writing(engine) as db:
        both = await notices.of(db, {"98000001", "98000002"}, after=0, count=9, unseen=False)
        assert [(each.party, each.at, each.due_at, each.seen_at) for each in both] == [
            ("98000001", 1, 9, None), ("98000002", 2, None, None),
        ]  # fmt: skip
        ids = [each.id for each in both]
        assert await notices.seen(db, {"98000001"}, ids, at=3) == 1, "of others nothing can be seen"
        assert await notices.seen(db, {"98000001"}, ids, at=4) == 0
        assert [each.id for each in await notices.of(db, {"98000002"}, after=0, count=9, unseen=True)] == ids[1:]
        assert not await notices.of(db, {"98000001"}, after=0, count=9, unseen=True)
        assert await notices.of(db, {"98000001"}, after=ids[0], count=9, unseen=False) == []
        await notices.forget(db, before=2)
        assert [each.id for each in await notices.of(db, {"98000001", "98000002"}, after=0, count=9, unseen=False)] == [
            ids[1]
        ]


def test_every_kind_of_notice_has_words_that_name_nobody():
    assert WORDS.keys() == set(Kind)
    assert all(words.endswith(".") for words in WORDS.values())
