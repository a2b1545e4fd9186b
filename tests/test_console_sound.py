"""What officers do on the console leaves a log that the verifier finds whole: nothing opened that it does not tell."""

import json
import re
import subprocess
import sys

from console import add_person, console
from running import HOOFD, ONDER

from gateway.invented import message
from gateway.oversight.rights import Role

WHY = {"doel": "toezicht", "reden": "steekproef van deze maand"}


def ketenpoort(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_searching_files_and_an_emergency_leave_a_log_in_which_all_checks_are_good(tmp_path):
    with console(tmp_path / "poort") as desk:
        home = desk.gateway.home
        ids = [desk.gateway.send(message("ho301-gewoon", f"Z{number}")).json["berichtId"] for number in range(2)]
        for id_ in ids:
            desk.gateway.ask("GET", f"/v1/berichten/{id_}", party=ONDER)
        fg, auditor = desk.logged_in(Role.FG), desk.logged_in(Role.AUDITOR)
        for asked in ({**WHY, "bsn": "999900006"}, WHY):
            found = fg.submit("/zoeken", asked).headers["location"]
            assert fg.get(found).status == 200
            assert fg.submit(f"{found}/uitvoer", {"vorm": "xlsx"}).status == 200
        assert auditor.get(auditor.submit("/zoeken", WHY).headers["location"]).status == 200
        found = fg.submit("/inzage", {**WHY, "bsn": "999900006"}).headers["location"]
        assert fg.get(found).status == 200
        assert fg.submit(f"{found}/uitvoer", {"vorm": "json"}).status == 200
        fg.submit("/noodtoegang/vragen", {"reden": "oefening van dit jaar", "weet": "ja"})
        assert fg.submit(f"/berichten/{ids[0]}/inhoud", {**WHY, "doel": "nood"}).status == 200
        fg.submit("/noodtoegang", {}, to="/noodtoegang/einde")
        other = desk.visitor()
        other.log_in(add_person(home, Role.FG, HOOFD, login="fg.twee"))
        path = re.search(r"/noodtoegang/[0-9a-f]{32}", other.get("/noodtoegang").body.decode())
        assert other.submit(path[0], {"oordeel": "terecht", "bevinding": "een goede oefening"}).status == 303
        made = ketenpoort("audit", "exporteer", "--instellingen", home / "ketenpoort.toml", tmp_path / "uit")
        assert made.returncode == 0, made.stderr
        told = ketenpoort(
            "audit", "controleer", "--json", "--sleutels", home / "sleutels", tmp_path / "uit", home / "log.vkey"
        )
    report = json.loads(told.stdout)
    assert [each for each in report["controles"] if each["oordeel"] == "fout"] == []
    verdicts = {each["controle"]: each["oordeel"] for each in report["controles"]}
    assert {verdicts[each] for each in ("V10", "V11", "V12", "V13", "V16", "V17", "V19")} == {"goed"}
    assert told.returncode == 0
