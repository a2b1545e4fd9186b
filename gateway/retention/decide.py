"""What is decided about destruction: who may agree to it, which lines an entry names, how working days count; pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.oversight.rights import Officer, Right, may
from gateway.werkdagen import is_working

APPROVERS = 2
"""Officers who must agree, beside the one who asks."""


class Kind(StrEnum):
    """What an erasure is."""

    TERM = "termijn"
    """What is past its term; proposed by the gateway itself."""
    PERSON = "persoon"
    """What is kept about persons who asked for it (AVG art. 17, Jeugdwet art. 7.3.9)."""
    STANDING = "doorlopend"
    """That what is past its term, of one class, may go without asking each night; until a date."""


class Stage(StrEnum):
    """Where an erasure stands."""

    PROPOSED = "voorgesteld"
    APPROVED = "goedgekeurd"
    DONE = "uitgevoerd"
    REJECTED = "afgewezen"
    REPLACED = "vervangen"
    """By a newer proposal that holds the same and more."""
    ENDED = "ingetrokken"
    """Of a standing order."""


def fault_of_approval(officer: Officer, *, party: str, state: str, requester: str, approvals: Sequence[str]) -> str:
    """Return why this officer may not agree to this erasure, in Dutch; empty if he may."""
    if not may(officer, Right.APPROVE_ERASURE) or officer.party != party:
        return "Alleen een vernietigingsbeoordelaar van deze partij kan hierover beslissen."
    if state != Stage.PROPOSED:
        return f"Hierover is al beslist: {state}."
    if officer.login == requester:
        return "Wie om een vernietiging vraagt, beoordeelt haar niet zelf."
    if officer.login in approvals:
        return "U hebt dit al goedgekeurd. Een ander moet het ook doen."
    return ""


def ranges(places: Iterable[int]) -> list[tuple[int, int]]:
    """Return rising places as (first, last) of each row without a gap."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and place == found[-1][1] + 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def working_days_after(moment: datetime, days: int) -> datetime:
    """Return the same hour so many working days later: Monday to Friday, but for Dutch holidays."""
    while days:
        moment += timedelta(days=1)
        days -= is_working(moment.date())
    return moment
