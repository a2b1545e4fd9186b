"""The drill is only worth something if it would tell: an attempt that the verifier cannot see must be counted."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from audit.drill import Drill
from gateway import cli, drill


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return asyncio.run(drill._made(tmp_path_factory.mktemp("proef"), 300)).drill()


def unseen(own: Drill, name: str, *, step: int) -> int:
    attack = next(each for each in own.attacks() if each.name == name)
    return sum(not own.seen(attack, number) for number in range(0, attack.count, step))


def test_all_that_is_tried_is_seen_and_what_is_sound_is_left_alone(own):
    """A sample; the command tries all of it."""
    for attack in own.attacks():
        assert unseen(own, attack.name, step=max(1, attack.count // 40)) == 0, attack.name
    assert own.false_alarms() == 0


def test_every_kind_of_change_is_tried_in_every_place(own):
    counts = {each.name: each.count for each in own.attacks()}
    assert counts["één byte anders, elk bestand"] == sum(map(len, own.files.values()))
    assert counts["regel weg"] == counts["regel dubbel, met gestolen sleutel"] == 299
    assert counts["oudere stand teruggezet"] == drill.BATCHES - 1


@pytest.mark.parametrize(
    ("name", "blind", "step"),
    [
        # Without the keys nobody sees inside what is sealed, and without what was kept a thief of the key is believed.
        ("één byte anders in verzegelde gegevens, lijst klopt weer", "with_keys", 997),
        ("regel gewijzigd, met gestolen sleutel", "with_kept", 7),
        ("log afgekapt, met gestolen sleutel", "with_kept", 7),
        ("oudere stand teruggezet", "with_kept", 7),
    ],
)
def test_what_the_verifier_cannot_see_is_counted(own, name, blind, step):
    bare = replace(getattr(own, blind), opener=None, kept=None)
    assert unseen(replace(own, **{blind: bare}), name, step=step) > 0


def test_an_alarm_about_a_sound_export_is_counted(own):
    wrong = {name: data for name, data in own.files.items() if name != "statement"}
    assert replace(own, sound=[wrong]).false_alarms() == 3


def test_the_command_tries_everything_and_says_so(capsys):
    assert cli.main(["audit", "proef", "--regels", "20"]) == 0
    told = capsys.readouterr().out
    total = next(line for line in told.splitlines() if line.startswith("samen")).split()
    assert total[1] == total[2]
    assert int(total[1]) > 40_000
    assert "Vals alarm bij ongewijzigde uitvoer: 0 van 12." in told
    assert "NIET GEZIEN" not in told


def test_a_log_too_short_to_try_is_refused(capsys):
    assert cli.main(["audit", "proef", "--regels", "3"]) == 2
    assert "20 regels of meer" in capsys.readouterr().err


def test_a_change_that_was_not_seen_is_named_and_ends_the_command_badly(own, capsys):
    attacks = [("één byte anders", 10)]
    drill._sum_up(own, attacks, Counter({"één byte anders": 1}), ["één byte anders, nummer 4"], 0)
    told = capsys.readouterr().out
    assert "NIET GEZIEN: één byte anders, nummer 4" in told
    assert next(line for line in told.splitlines() if line.startswith("samen")).split()[1:] == ["10", "9"]
