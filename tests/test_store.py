"""What the store promises that no message shows."""

import asyncio

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway import store
from gateway.commit import open_engine, writing
from gateway.tables import messages


async def test_gateways_that_start_at_the_same_moment_make_the_tables_once(database_url: str, engine: AsyncEngine):
    async def start() -> None:
        own = open_engine(database_url)
        async with writing(own) as db:
            await store.create_tables(db)
        await own.dispose()

    await asyncio.gather(*(start() for _ in range(4)))

    async with engine.connect() as db:
        assert (await db.execute(sa.select(sa.func.count()).select_from(messages))).scalar_one() == 0
