"""What an OpenID provider signed, held against what it must be: an ID token, a logout token; pure.

OpenID Connect Core 1.0 §3.1.3.7 and Back-Channel Logout 1.0 §2.6. What is wrong is told to nobody in detail.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that we take: never ``none``, and never one by a shared secret."""
SKEW = 60
"""Seconds that clocks may differ."""
AGE = 300
"""Seconds since somebody showed the provider that it is him: as fresh as a login here."""
_LOGGED_OUT = "http://schemas.openid.net/event/backchannel-logout"


class TokenError(Exception):
    """A token that is not what it must be."""


class UnknownKeyError(TokenError):
    """Signed with a key that is not among those of the provider, as far as we know them: they may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """For whom the provider vouches."""

    subject: str = field(repr=False)
    sid: str | None
    """What the provider calls this session of his."""


def read_id_token(
    token: str, keys: KeySet, *, issuer: str, client: str, nonce: str, levels: Collection[str], at: int
) -> Identity:
    """Return for whom this ID token vouches, at the moment ``at`` (seconds since 1970, UTC).

    It must be of this issuer, for this client and this login (``nonce``), of now, and of one of these levels of
    assurance (``acr``). Raises TokenError.
    """
    claims = _opened(token, keys)
    _meant_for(claims, issuer, client, at)
    if claims.get("nonce") != nonce:
        raise TokenError("nonce")
    if claims.get("acr") not in levels:
        raise TokenError("acr")
    if not _between(claims.get("auth_time"), at - AGE - SKEW, at + SKEW):
        raise TokenError("auth_time")
    subject, sid = claims.get("sub"), claims.get("sid")
    if not isinstance(subject, str) or not subject or not isinstance(sid, str | None):
        raise TokenError("sub")
    return Identity(subject=subject, sid=sid)


def read_logout_token(token: str, keys: KeySet, *, issuer: str, client: str, at: int) -> str:
    """Return which session (``sid``) the provider says is over. Raises TokenError."""
    claims = _opened(token, keys)
    _meant_for(claims, issuer, client, at)
    events, sid = claims.get("events"), claims.get("sid")
    if not isinstance(events, Mapping) or _LOGGED_OUT not in events or "nonce" in claims:
        raise TokenError("events")
    if not isinstance(sid, str) or not sid:
        raise TokenError("sid")
    return sid


def _opened(token: str, keys: KeySet) -> Mapping[str, Any]:
    try:
        return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except InvalidKeyIdError:
        raise UnknownKeyError("kid") from None
    except (JoseError, ValueError, TypeError) as error:  # a stranger's text may be anything
        raise TokenError(type(error).__name__) from None


def _meant_for(claims: Mapping[str, Any], issuer: str, client: str, at: int) -> None:
    audience = claims.get("aud")
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("iss") != issuer:
        raise TokenError("iss")
    if client not in (audience if isinstance(audience, list) else [audience]):
        raise TokenError("aud")
    if claims.get("azp", None if several else client) != client:
        raise TokenError("azp")
    if not _between(claims.get("exp"), at - SKEW, at + 24 * 3600):
        raise TokenError("exp")
    if not _between(claims.get("iat"), at - AGE - SKEW, at + SKEW):
        raise TokenError("iat")


def _between(moment: Any, least: int, most: int) -> bool:
    return isinstance(moment, int | float) and not isinstance(moment, bool) and least <= moment <= most
