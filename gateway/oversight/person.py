"""What the lines about one person say together: are they all there, who is involved, who received which data; pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.oversight.lines import Content, Line, Naming

BROUGHT = ("bericht.gelezen", "bericht.aangeboden")
"""The events by which a party got the content of a message."""
MOST_GAPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Whether all lines about a person that this party has were found."""

    count: int
    """How many there are."""
    last: int
    """The last number given; numbers begin at 1."""
    missing: tuple[tuple[int, int], ...] = ()
    """Numbers that are not there, as (first, last)."""
    wrong: tuple[int, ...] = ()
    """Numbers whose line says another number or another person, or does not open."""
    destroyed: int = 0
    """Lines whose content was destroyed after the term; they count as there."""

    @property
    def whole(self) -> bool:
        """Tell whether nothing is amiss."""
        return not self.missing and not self.wrong

    @property
    def verdict(self) -> str:
        """Return what an officer reads."""
        if self.whole:
            gone = f" Van {self.destroyed} is de inhoud na de bewaartermijn vernietigd." if self.destroyed else ""
            return f"{self.count} regels, nummers 1 t/m {self.last}, compleet.{gone}"
        gaps = ", ".join(str(a) if a == b else f"{a} t/m {b}" for a, b in self.missing[:MOST_GAPS])
        odd = ", ".join(map(str, self.wrong[:MOST_GAPS]))
        told = [f"Nummers {gaps} ontbreken." if gaps else "", f"Nummers {odd} kloppen niet." if odd else ""]
        return f"Niet compleet. {' '.join(filter(None, told))} Meld dit als incident en laat het logboek controleren."


@dataclass(frozen=True, slots=True, kw_only=True)
class Involved:
    """A party that has to do with a client."""

    name: str
    since: int
    """The first line that names it (ms since 1970, UTC) …"""
    until: int
    """… and the last."""
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Which party got which message about the client, and when first."""

    name: str
    message: str
    kind: str
    at: int
    times: int


@dataclass(slots=True)
class _Seen:
    first: int
    last: int
    messages: set[str] = field(default_factory=set)


def completeness(
    lines: Sequence[tuple[int, Line | None]], subject: str, *, destroyed: Collection[int] = ()
) -> Completeness:
    """Hold the numbers under which lines are kept, from 1, against what stands in them; None is a line that is gone.

    ``destroyed`` are the numbers that were kept of lines that nothing leads to any more. Whether they were destroyed by
    right is not to be seen here: the verifier holds the log against itself (V9, V11).
    """
    numbers = sorted({number for number, line in lines if line is not None} | set(destroyed))
    last = max((number for number, _ in lines), default=0)
    told = {number: line for number, line in lines if line is not None}
    wrong = tuple(sorted(number for number, line in told.items() if not _fits(number, line, subject)))
    return Completeness(
        count=len(numbers),
        last=last,
        missing=tuple(_gaps(numbers, last)),
        wrong=wrong,
        destroyed=len(destroyed) + sum(line.content is Content.DESTROYED for line in told.values()),
    )


def involved(lines: Iterable[Line], naming: Naming) -> list[Involved]:
    """Return which parties the lines name, in the order in which they came in (need N14)."""
    seen: dict[str, _Seen] = {}
    for line in lines:
        for party in line.parties if line.message else ():
            one = seen.setdefault(party, _Seen(line.at, line.at))
            one.first, one.last = min(one.first, line.at), max(one.last, line.at)
            one.messages.add(line.message)
    ordered = sorted(seen.items(), key=lambda item: (item[1].first, item[0]))
    return [
        Involved(name=naming(party), since=one.first, until=one.last, messages=len(one.messages))
        for party, one in ordered
    ]


def received(lines: Iterable[Line], naming: Naming) -> list[Received]:
    """Return which party got which message, the first first."""
    found: dict[tuple[str, str], Received] = {}
    for line in sorted(lines, key=lambda line: line.at):
        if line.event not in BROUGHT or line.role != "ontvanger" or not line.by:
            continue
        known = found.get((line.by, line.message))
        found[line.by, line.message] = Received(
            name=naming(line.by), message=line.message, kind=line.kind, at=known.at if known else line.at,
            times=known.times + 1 if known else 1,
        )  # fmt: skip
    return list(found.values())


def _fits(number: int, line: Line, subject: str) -> bool:
    match line.content:
        case Content.OPEN:
            return line.number == number and line.subject == subject
        case Content.DESTROYED:
            return True
    return False


def _gaps(numbers: Sequence[int], last: int) -> Iterable[tuple[int, int]]:
    expected = 1
    for number in [*numbers, last + 1]:
        if number > expected:
            yield expected, number - 1
        expected = number + 1
