"""The way to an authority that stamps the time (RFC 3161 §3.4): bytes there and back."""

import aiohttp

TIMEOUT = 30.0
"""Seconds that the authority gets."""
_LARGEST = 256 * 2**10


async def ask(url: str, request: bytes) -> bytes | None:
    """Post a request for a stamp; return the answer, None if there was none."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(url, data=request, headers=headers, allow_redirects=False) as response,
        ):
            return await response.content.read(_LARGEST) if response.status == 200 else None
    except (aiohttp.ClientError, OSError, ValueError):
        return None
