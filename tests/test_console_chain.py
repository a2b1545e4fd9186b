"""What the pages on who works for whom make of the register."""

from adapters.console.chain import region, row_of
from gateway.register import told
from gateway.register.values import Listing, Mark, Member, Region, Register

REGISTER = Register(
    regions={
        "Heuvelland": Region(
            name="Heuvelland",
            keeper="0344",
            members=(
                Member(gemeente="0344", begin="2026-01-01"),
                Member(gemeente="0363", begin="2026-01-01", end="2026-06-30"),
            ),
        )
    },
    listings={
        ("Heuvelland", "98000002"): Listing(
            region="Heuvelland", agb="98000002", begin="2026-01-01", categories=("45", "46"),
            specialisms=("jonge kinderen",), capacity="twee plekken",
            marks=(Mark(code="01", until="2026-12-31"), Mark(code="02", until="2026-02-28")),
        )
    },
)  # fmt: skip


def test_a_region_tells_from_when_until_when_its_gemeenten_take_part():
    (section,) = map(region, told.regions(REGISTER))
    assert section.table is not None
    assert [row[1:] for row in section.table.rows] == [
        ("Utrecht", "vanaf 1 januari 2026, zonder einddatum"),
        ("Amsterdam", "1 januari 2026 tot en met 30 juni 2026"),
    ]


def test_one_of_the_list_is_told_with_its_marks_and_whether_they_still_hold():
    (row,) = map(row_of, told.listed(REGISTER, {}, "2026-03-01"))
    assert row[:5] == ("98000002 (98000002)", "Heuvelland", "45, 46", "jonge kinderen", "twee plekken")
    assert row[5].count("(tot en met 31 december 2026)") == row[5].count("(verlopen op 28 februari 2026)") == 1
