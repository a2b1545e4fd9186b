"""Changes of who takes part and who oversees, as events: NEN 7513 asks that changed authorisations are logged; pure."""

from collections.abc import Mapping

from audit.entry import Event
from gateway import trail
from gateway.oversight.accounts import Account
from gateway.parties import Party
from gateway.trail import What

_WHO = "wie de bestanden van de poort beheert"
"""The gateway sees that a file changed, not who changed it."""


def of_parties(old: Mapping[str, Party], new: Mapping[str, Party], *, trace: str) -> list[Event]:
    """Return an event for each party (by code) that came, went, or has other certificates, mandates or endpoint."""
    return [_event(What.PARTIES_CHANGED, code, f"partij {code}", trace) for code in _differ(old, new)]


def of_officers(old: Mapping[str, Account], new: Mapping[str, Account], *, trace: str) -> list[Event]:
    """Return an event for each officer (by login) that came, went or may do or show something else."""
    return [
        _event(What.OFFICERS_CHANGED, party, f"functionaris {login}", trace)
        for login in _differ(old, new)
        for party in sorted({known[login].officer.party for known in (old, new) if login in known})
    ]


def _differ(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _event(what: What, party: str, about: str, trace: str) -> Event:
    return trail.event(
        what, actor=_WHO, role="beheerder", thing="autorisatie", trace=trace, parties=(party,) if party else (),
        about={"reason": about},
    )  # fmt: skip
