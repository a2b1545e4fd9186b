"""What the command line says when it is not sound: in Dutch, what is wrong and where to find more."""

import pytest

from gateway.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Hier ontbreekt: OPDRACHT."),
        (("stuur",), "stuur is geen OPDRACHT."),
        (("audit", "exporteer"), "Hier ontbreekt: MAP."),
        (("audit", "exporteer", "uit", "--reden", "proef"), "Onbekend is: --reden proef."),
        (("nieuw", "hier", "--naam", "a.b", "--poort", "veel"), "Bij --poort hoort een heel getal, niet veel."),
        (("nieuw", "hier", "--naam"), "Achter --naam ontbreekt de waarde."),
    ],
)
def test_a_command_that_is_not_sound_says_what_is_wrong_with_it(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"Deze opdracht klopt zo niet. {told} Meer weten: ketenpoort")
    assert "gebruik: ketenpoort" in said
