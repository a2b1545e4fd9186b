"""The demo: a gateway in a process of its own, three providers and a gemeente, and the whole chain before your eyes.

Everything goes over the real interface with real certificates. Onderaannemer Zonnehoek fetches its messages;
onderaannemer Wilgenhof has them brought to its own https address, which this process serves.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from adapters import tls
from adapters.client import Client, Connection, read_connection
from audit import box, note, tree
from audit.proof import read_keys
from audit.seal import verify_signature
from gateway import setup
from gateway.invented import SAMPLES, faulty, message
from gateway.oversight.accounts import STEP, Officers, add_account, code_at, login_of
from gateway.oversight.rights import DUTCH, OPERATOR, Role
from gateway.receipt import holds

HOOFD, ZONNEHOEK, WILGENHOF, GEMEENTE = "98000001", "98000002", "98000003", "0344"
NAMES = {
    HOOFD: "Hoofdaannemer De Brug",
    ZONNEHOEK: "Onderaannemer Zonnehoek",
    WILGENHOF: "Onderaannemer Wilgenhof",
    GEMEENTE: "Gemeente Voorbeeld",
}
OFFICERS = (
    ("F. de Groot", Role.FG, HOOFD),
    ("M. Kramer", Role.FG, HOOFD),
    ("B. Bakker", Role.TENANT_ADMIN, HOOFD),
    ("V. Vermeer", Role.ERASURE_APPROVER, HOOFD),
    ("N. Prins", Role.ERASURE_APPROVER, HOOFD),
    ("A. Visser", Role.AUDITOR, HOOFD),
    ("Z. Smit", Role.FG, ZONNEHOEK),
    ("Z. Mulder", Role.TENANT_ADMIN, ZONNEHOEK),
    ("W. Jansen", Role.FG, WILGENHOF),
    ("W. Peters", Role.TENANT_ADMIN, WILGENHOF),
    ("G. de Boer", Role.FG, GEMEENTE),
    ("G. Dekker", Role.TENANT_ADMIN, GEMEENTE),
    ("O. Hendriks", Role.OPS, OPERATOR),
)
"""Who oversees in the demo, invented as everybody in it: at De Brug enough for what takes two."""
HIDDEN = "999900080"
"""A client who is secret for De Brug."""
PATIENCE = 20


class DemoError(Exception):
    """The chain did not go as promised; the message says where."""


async def demo(*, check: bool, folder: Path | None) -> int:
    """Play the chain once; without ``check`` stay up afterwards until stopped. Return 0, or 1 if the chain broke."""
    home = folder or Path(tempfile.mkdtemp(prefix="ketenpoort-demo-"))
    try:
        async with _receiver(home) as (push_url, inbox), _gateway(home, push_url) as connections:
            await _play(home, connections, inbox)
            if not check:
                _where_to_look(home, connections[HOOFD].url)
                await _who_oversees(home)
                await asyncio.Event().wait()
    except DemoError as error:
        print(f"\nDe keten brak: {error}", file=sys.stderr)
        return 1
    else:
        return 0
    finally:
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


@contextlib.asynccontextmanager
async def _receiver(home: Path) -> AsyncIterator[tuple[str, list[Mapping[str, str]]]]:
    """Serve Wilgenhof's own https address; its papers come when the gateway's folder is made."""
    inbox: list[Mapping[str, str]] = []

    async def receive(request: web.Request) -> web.Response:
        await request.read()
        inbox.append(dict(request.headers))
        return web.Response()

    app = web.Application(client_max_size=25 * 2**20)
    app.router.add_post("/berichten", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    # The port must be known before the certificate is made, so papers are made here.
    try:
        setup.new_gateway(
            home, origin="demo.ketenpoort.voorbeeld", host="127.0.0.1", port=0,
            database="sqlite+aiosqlite:///ketenpoort.sqlite",
        )  # fmt: skip
    except FileExistsError:
        raise DemoError(f"in {home} staat al een poort. Kies een lege map, of start die met 'draai'") from None
    pair = tls.make_certificate(home / "tls", home / "wilgenhof-server", "server", hosts=["localhost", "127.0.0.1"])
    site = web.TCPSite(
        runner, "127.0.0.1", 0, ssl_context=tls.server_context(pair.cert, pair.key, home / "tls" / "ca.pem")
    )
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/berichten", inbox
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _gateway(home: Path, push_url: str) -> AsyncIterator[dict[str, Connection]]:
    """Run a gateway as a second process; yield the connection of each party."""
    private, public = box.new_pair()
    papers = {
        code: setup.add_party(
            home, code, name, url="https://127.0.0.1:1", push=push_url if code == WILGENHOF else None,
            public_key=public if code == GEMEENTE else None,
        )
        for code, name in NAMES.items()
    }  # fmt: skip
    (home / f"partij-{GEMEENTE}" / "formulieren.sleutel").write_text(private)
    with (home / "ketenpoort.toml").open("a", encoding="utf-8") as settings:
        settings.write("toezicht = 0\n")
    port_file = home / "poort.txt"
    port_file.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", "draai", "--instellingen", str(home / "ketenpoort.toml"),
        "--poortbestand", str(port_file), "--toezichtbestand", str(home / "toezicht.txt"),
        stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": _root()},
    )  # fmt: skip
    try:
        await _until(lambda: port_file.exists() and port_file.read_text() != "", "de poort start", process)
        url = f"https://127.0.0.1:{port_file.read_text()}"
        for connection in papers.values():
            connection.write_text(connection.read_text().replace("https://127.0.0.1:1", url))
        yield {code: read_connection(connection) for code, connection in papers.items()}
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _play(home: Path, connections: Mapping[str, Connection], inbox: list[Mapping[str, str]]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = {code: await stack.enter_async_context(Client(each)) for code, each in connections.items()}
        print("Partijen:", ", ".join(f"{name} ({code})" for code, name in NAMES.items()))
        await _agree(clients)
        await _exchange(clients, "Opdracht", ("ho301-gewoon", HOOFD), ("ho302-akkoord", ZONNEHOEK))
        await _exchange(clients, "Start", ("ho305-minimaal", ZONNEHOEK), ("ho306-akkoord", HOOFD))
        await _exchange(clients, "Declaratie", ("ho323-minimaal", ZONNEHOEK), ("ho325-toegekend", HOOFD))
        await _exchange(clients, "Stop", ("ho307-minimaal", ZONNEHOEK), ("ho308-akkoord", HOOFD))
        await _pushed(clients, inbox)
        await _refused(clients[HOOFD])
        receipt = await _again(clients[HOOFD])
        await _proved(clients[HOOFD], receipt, home)
    await _verified(home)
    print("\nDe hele keten is gespeeld, en elke stap staat aantoonbaar in het logboek.")


async def _agree(clients: Mapping[str, Client]) -> None:
    """What comes before the first order: a contract, and the consent of the gemeente."""
    await _exchange(
        clients, "Raamovereenkomst", ("ho341-minimaal", HOOFD), ("ho342-aanvaard", ZONNEHOEK),
        Tarief="8500",
    )  # fmt: skip
    await _exchange(clients, "Toestemming", ("ho331-minimaal", HOOFD), ("ho332-toestemming", GEMEENTE))


async def _exchange(
    clients: Mapping[str, Client], title: str, asked: tuple[str, str], answered: tuple[str, str], **fields: str
) -> None:
    """One message, with these ``fields``, and its answer, both brought, fetched, confirmed."""
    (ask, asker), (answer, answerer) = asked, answered
    print(f"\n{title}")
    number = f"D{ask[2:5]}"
    raw = message(ask, number, sender=asker, receiver=answerer, **fields)
    await _carry(clients, asker, answerer, raw)
    retour = answer[:5] not in {"ho325", "ho332", "ho342"}
    parties = {"sender": asker, "receiver": answerer} if retour else {"sender": answerer, "receiver": asker}
    await _carry(clients, answerer, asker, message(answer, f"D{answer[2:5]}", answers=number, **parties))


async def _carry(clients: Mapping[str, Client], sender: str, receiver: str, raw: bytes) -> None:
    sent = await clients[sender].send(raw)
    if sent.status != 201:
        raise DemoError(f"{NAMES[sender]} kreeg {sent.status}: {sent.body}")
    id_ = sent.body["berichtId"]
    listed = await clients[receiver].deliveries(count=50, wait=5)
    if id_ not in [each["berichtId"] for each in listed["bezorgingen"]]:
        raise DemoError("het bericht staat niet bij de ontvanger")
    if await clients[receiver].fetch(id_) != raw:
        raise DemoError("het bericht kwam niet byte voor byte over")
    await clients[receiver].confirm([id_])
    status = await clients[sender].status(id_)
    tied = f", antwoord op {status['antwoordOp'][:12]}…" if status["antwoordOp"] else ""
    print(f"  {status['soort'].upper()}  {NAMES[sender]} → {NAMES[receiver]}: {status['status']}{tied}  ({id_[:12]}…)")


async def _pushed(clients: Mapping[str, Client], inbox: list[Mapping[str, str]]) -> None:
    hoofd, order = clients[HOOFD], {"OpdrachtNummer": "1002"}
    print("\nOpdracht aan een partij die haar berichten laat brengen; zonder toestemming van de gemeente mag dat niet")
    await _bring(hoofd, inbox, message("ho341-minimaal", "P341", receiver=WILGENHOF, Tarief="8500"))
    accepted = message("ho342-aanvaard", "P342", sender=WILGENHOF, receiver=HOOFD, answers="P341")
    await _carry(clients, WILGENHOF, HOOFD, accepted)
    refused = await hoofd.send(message("ho301-gewoon", "P301", receiver=WILGENHOF, **order))
    if [each["code"] for each in refused.body.get("bevindingen", ())] != ["HO022"]:
        raise DemoError("een opdracht zonder toestemming werd niet om die reden geweigerd")
    print(f"  HO301  geweigerd: {refused.body['bevindingen'][0]['tekst']}")
    asked = message("ho331-minimaal", "P331", receiver=GEMEENTE, AgbCode=WILGENHOF)
    given = message(
        "ho332-toestemming", "P332", sender=GEMEENTE, receiver=HOOFD, answers="P331", AgbCode=WILGENHOF
    )  # fmt: skip
    await _carry(clients, HOOFD, GEMEENTE, asked)
    await _carry(clients, GEMEENTE, HOOFD, given)
    await _bring(hoofd, inbox, message("ho301-gewoon", "P301B", receiver=WILGENHOF, **order))


async def _bring(hoofd: Client, inbox: list[Mapping[str, str]], raw: bytes) -> None:
    sent = await hoofd.send(raw)
    if sent.status != 201:
        raise DemoError(f"een bericht werd geweigerd: {sent.body}")
    id_ = sent.body["berichtId"]
    for _ in range(PATIENCE * 10):
        status = await hoofd.status(id_)
        if status["status"] == "Bezorgd":
            break
        await asyncio.sleep(0.1)
    else:
        raise DemoError("het bericht werd niet gebracht")
    if id_ not in [each.get("webhook-id") for each in inbox]:
        raise DemoError("de ontvanger heeft het bericht niet")
    kind = status["soort"].upper()
    print(f"  {kind}  {NAMES[HOOFD]} → {NAMES[WILGENHOF]}: {status['status']}, ondertekend gebracht  ({id_[:12]}…)")


async def _refused(hoofd: Client) -> None:
    print("\nEen bericht met meer fouten wordt geweigerd, met alle fouten tegelijk")
    answer = await hoofd.send(faulty("ho301-meer-fouten-tegelijk"))
    if answer.status != 400 or answer.body["aantalBevindingen"] < 2:
        raise DemoError("een fout bericht werd niet geweigerd")
    for each in answer.body["bevindingen"]:
        print(f"  regel {each['regel']:>3}  {each['code']:<6} {each['pad'].rsplit('/', 1)[-1]}: {each['tekst']}")
    if answer.body["antwoordbericht"]:
        print(f"  De poort heeft namens de ontvanger een retour klaargezet: {answer.body['antwoordbericht'][:30]}…")


async def _again(hoofd: Client) -> Mapping[str, Any]:
    print("\nHetzelfde bericht nog eens geeft het oude ontvangstbewijs")
    raw = message("ho301-gewoon", "D301", sender=HOOFD, receiver=ZONNEHOEK)
    again = await hoofd.send(raw)
    if again.status != 200 or again.body["sha256"] != hashlib.sha256(raw).hexdigest():
        raise DemoError("een dubbel bericht gaf niet het oude bewijs")
    print(f"  status 200, bewijs van {again.body['ontvangenOp']}")
    return again.body


async def _proved(hoofd: Client, receipt: Mapping[str, Any], home: Path) -> None:
    print("\nHet ontvangstbewijs is na te rekenen")
    for _ in range(PATIENCE * 10):
        proved = dict(await hoofd.receipt(receipt["berichtId"]))
        if proved["inclusie"]:
            break
        await asyncio.sleep(0.1)
    else:
        raise DemoError("de logregel kwam niet onder een ondertekende stand")
    where = proved.pop("inclusie")
    signer = read_keys(home / "ontvangst.vkey")[0]
    if not holds(proved, verify=lambda signature, root: verify_signature(signer.public, signature, root)):
        raise DemoError("de handtekening onder het ontvangstbewijs klopt niet")
    stand = where["checkpoint"].encode()
    if not note.signed_by(note.parse(stand), read_keys(home / "log.vkey")[0]):
        raise DemoError("de stand van het logboek is niet ondertekend")
    leaf, path = bytes.fromhex(proved["logregel"]), [base64.b64decode(node) for node in where["pad"]]
    root = note.read_checkpoint(stand).root
    if not tree.verify_inclusion(leaf, where["index"], where["omvang"], path, root):
        raise DemoError("de logregel staat niet in het logboek")
    steps = len(where["pad"])
    print(f"  logregel {where['index']} staat in het logboek van {where['omvang']} regels, {steps} tussenstappen")


async def _verified(home: Path) -> None:
    print("\nHet logboek, gecontroleerd door het losse controleprogramma")
    export = home / "logboek"
    shutil.rmtree(export, ignore_errors=True)
    settings = str(home / "ketenpoort.toml")
    for command in (
        ["gateway.cli", "audit", "exporteer", str(export), "--instellingen", settings],
        ["audit.verify", str(export), str(home / "log.vkey")],
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": _root()}
        )
        out, _ = await process.communicate()
        if process.returncode:
            raise DemoError(f"{command[0]} eindigde met {process.returncode}\n{out.decode()}")
    for line in out.decode().splitlines():
        print(f"  {line}")


def _where_to_look(home: Path, url: str) -> None:
    command = f"{Path(sys.executable).parent / 'ketenpoort'}"
    print(f"""
De poort blijft draaien op {url}/v1 (beschrijving: {url}/v1/openapi.json, met certificaat).
Speel ermee, in een ander venster:
  (voorbeelden staan in {SAMPLES / "valid"})
  {command} zend --aansluiting {home}/partij-{HOOFD}/aansluiting.toml BESTAND.xml
  {command} ophalen --aansluiting {home}/partij-{ZONNEHOEK}/aansluiting.toml --wacht 10 --bevestig MAP
  {command} valideer BESTAND.xml
  {command} leg-uit TR358
  {command} audit exporteer MAP --instellingen {home}/ketenpoort.toml""")


async def _who_oversees(home: Path) -> None:
    """Make the officers, let one of them keep a client secret, and say how they log in."""
    file, command = home / "functionarissen.toml", Path(sys.executable).parent / "ketenpoort"
    print(f"""
Het toezicht staat op https://127.0.0.1:{(home / "toezicht.txt").read_text()}/
Uw browser kent het certificaat van deze demo niet en waarschuwt daarvoor. Wie zich daar kan aanmelden:""")
    for name, role, party in OFFICERS:
        login = login_of(name)
        named = role is Role.FG and party == HOOFD
        password, _ = add_account(file, login=login, name=name, role=role.value, party=party, finds_secret=named)
        if name == OFFICERS[1][0]:
            await _keeps_secret(home, login, password)
        print(f"  {login:<11}  {password}  {DUTCH[role]}, {NAMES.get(party, 'de poort zelf')}")
    print(f"""De code die er ook bij hoort, en die elke halve minuut anders is:
  {command} code {home} {login_of(OFFICERS[0][0])}
Eén cliënt van De Brug is geheim. De gemeente opent een formulier over die cliënt met:
  {command} open-formulier BESTAND --sleutel {home}/partij-{GEMEENTE}/formulieren.sleutel --naar MAP
Stoppen: Ctrl-C.""", flush=True)  # fmt: skip


async def _keeps_secret(home: Path, login: str, password: str) -> None:
    """Let an officer make a client secret, as he does at the command line."""
    secret = Officers.load(home / "functionarissen.toml").by_login[login].secret
    typed = [password, code_at(secret, int(time.time()) // STEP).decode(), HIDDEN, "DB-0042"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", "bewaren", "geheim", "stel-in", "--wie", login, "--reden",
        "De gemeente meldde dat dit kind bedreigd wordt.", "--instellingen", str(home / "ketenpoort.toml"),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": _root()},
    )  # fmt: skip
    await process.communicate("\n".join(typed).encode())
    if process.returncode:
        raise DemoError("geen cliënt werd geheim")


async def _until(ready: Any, what: str, process: asyncio.subprocess.Process) -> None:
    for _ in range(PATIENCE * 20):
        if ready():
            return
        if process.returncode is not None:
            raise DemoError(f"{what} niet: het proces stopte met {process.returncode}")
        await asyncio.sleep(0.05)
    raise DemoError(f"{what} niet binnen {PATIENCE} seconden")


def _root() -> str:
    return str(Path(__file__).resolve().parent.parent)
