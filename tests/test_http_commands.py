"""A person at a terminal carries a message there and its answer back, with ``zend``, ``ophalen`` and ``bevestig``."""

import re
import subprocess
import sys

import pytest
from running import HOOFD, ONDER, environment, running

from gateway.invented import faulty, message


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("http") / "poort") as gateway:
        yield gateway


@pytest.fixture
def at_terminal(gateway, tmp_path):
    """Type a command as a party; the exit code, and what stands on the screen."""

    def type_(party, command, *words):
        papers = gateway.home / f"partij-{party}" / "aansluiting.toml"
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", command, "--aansluiting", papers, *words],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return type_


def test_an_order_goes_out_and_its_answer_comes_back(at_terminal, tmp_path):
    (tmp_path / "opdracht.xml").write_bytes(message("ho301-gewoon", "T1"))
    code, said = at_terminal(HOOFD, "zend", "opdracht.xml")
    assert code == 0
    id_ = re.search("opdracht.xml: aangenomen als bericht ([0-9a-f]{32}) op ", said)[1]
    assert "was al aangenomen als bericht " + id_ in at_terminal(HOOFD, "zend", "opdracht.xml")[1]

    code, said = at_terminal(ONDER, "ophalen", "in")
    assert code == 0
    assert said.startswith(f"{id_}  in/ho301-{HOOFD}-T1.xml\nNog niet bevestigd.")
    assert (tmp_path / f"in/ho301-{HOOFD}-T1.xml").read_bytes() == message("ho301-gewoon", "T1")
    assert at_terminal(ONDER, "bevestig", id_) == (0, "1 bericht bevestigd\n")
    assert at_terminal(ONDER, "ophalen", "in") == (0, "Er wacht geen bericht op u.\n")

    (tmp_path / "antwoord.xml").write_bytes(message("ho302-akkoord", "T2", answers="T1"))
    assert at_terminal(ONDER, "zend", "antwoord.xml")[0] == 0
    code, said = at_terminal(HOOFD, "ophalen", "terug", "--wacht", "5", "--bevestig")
    assert code == 0
    assert said.endswith(f"terug/ho302-{ONDER}-T2.xml\n1 bericht bevestigd\n")


def test_a_refused_message_is_told_line_by_line_and_its_retour_waits(at_terminal, tmp_path):
    (tmp_path / "fout.xml").write_bytes(faulty("ho301-meer-fouten-tegelijk"))
    code, said = at_terminal(HOOFD, "zend", "fout.xml")
    assert code == 1
    assert said.startswith("fout.xml: niet aangenomen, 3 fouten. Verbeter het bericht en stuur het opnieuw.\n")
    assert re.findall(r"^  regel (\d+)  (\w+)  ", said, re.MULTILINE) == [
        ("21", "CS002"),
        ("30", "CS050"),
        ("51", "TR101"),
    ]
    retour = re.search("Er staat een retourbericht voor u klaar: ([0-9a-f]{32})", said)[1]
    assert f"{retour}  in/ho302-" in at_terminal(HOOFD, "ophalen", "in", "--bevestig")[1]


def test_what_cannot_be_done_is_told_with_what_to_do(at_terminal, tmp_path):
    (tmp_path / "vreemd.xml").write_bytes(message("ho301-gewoon", "T3"))
    code, said = at_terminal(ONDER, "zend", "vreemd.xml")
    assert code == 1
    assert "het bericht  KP020" in said
    assert at_terminal(HOOFD, "zend", "nergens.xml") == (2, "nergens.xml bestaat niet.\n")
    code, said = at_terminal(HOOFD, "zend", ".")
    assert (code, said) == (2, ". is een map; noem de bestanden zelf, bijvoorbeeld MAP/*.xml.\n")
    code, said = at_terminal(HOOFD, "bevestig", "123")
    assert code == 2
    assert "berichtnummers zijn, elk van 32 tekens" in said
    code, said = at_terminal(HOOFD, "bevestig", "0" * 32)
    assert (code, said.count("bevestigd")) == (1, 1)
    code, said = at_terminal(HOOFD, "ophalen", "in", "--wacht", "99")
    assert (code, "'wacht' moet" in said) == (2, True)
    assert "Traceback" not in at_terminal("00000000", "ophalen", "in")[1]
