"""A gateway with its console, run in a process of its own, officers of every role, and what a browser sends by hand."""

import base64
import contextlib
import html
import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from running import HOOFD, ONDER, OTHER, Answer, Running, started

from gateway import setup
from gateway.oversight.accounts import ROLES, STEP, add_account, code_at
from gateway.oversight.rights import OPERATOR, Role

PARTIES = (HOOFD, ONDER, OPERATOR)
COOKIE = "__Host-toezicht"


@dataclass(slots=True, kw_only=True)
class Person:
    """An officer, with what he has in his head and on his telephone."""

    login: str
    name: str
    role: Role
    party: str
    password: str = field(repr=False)
    secret: bytes = field(repr=False)
    used: int = 0

    def code(self) -> str:
        """The next code that was not used yet: a gateway takes the one before and the one after now as well.

        That of before only while it stays good long enough to be typed in a browser on a busy machine.
        """
        step, gone = divmod(int(time.time()), STEP)
        self.used = max(self.used + 1, step - 1 if gone < STEP // 3 else step)
        while self.used > int(time.time()) // STEP + 1:
            time.sleep(1)
        return code_at(self.secret, self.used).decode()


@dataclass(slots=True, kw_only=True)
class Console:
    """One gateway with its console, and its officers by (role, party)."""

    gateway: Running
    people: dict[tuple[Role, str], Person]

    @property
    def port(self) -> int:
        return self.gateway.console

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def visitor(self) -> "Visitor":
        return Visitor(port=self.port, authority=self.gateway.home / "tls/ca.pem")

    def logged_in(self, role: Role, party: str = HOOFD) -> "Visitor":
        """A browser of this officer, logged in. His codes run out: keep it."""
        visitor = self.visitor()
        visitor.log_in(self.people[role, party])
        return visitor


@dataclass(slots=True, kw_only=True)
class Visitor:
    """What a browser does by itself: keep cookies, say where a form comes from."""

    port: int
    authority: Path
    cookies: dict[str, str] = field(default_factory=dict)
    source: str = "localhost"
    """Name or address by which it reaches the gateway."""
    address: str = "127.0.0.1"
    """Own address."""

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(
            self.source, self.port, context=context, timeout=30, source_address=(self.address, 0)
        )
        cookies = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers={**cookies, **(headers or {})})
            found = connection.getresponse()
            for each in found.msg.get_all("Set-Cookie") or ():
                name, value = each.partition(";")[0].split("=", 1)
                self.cookies[name] = value.strip('"')
                if not self.cookies[name] or "Max-Age=0" in each:
                    del self.cookies[name]
            return Answer(
                status=found.status,
                headers={name.lower(): value for name, value in found.getheaders()},
                body=found.read(),
            )

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Send a form, as the page of the same path holds it: with its hidden proof."""
        told = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"https://{self.source}:{self.port}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.ask("POST", path, urlencode(fields or {}).encode(), told)

    def submit(self, path: str, fields: Mapping[str, str], *, to: str = "") -> Answer:
        """Fetch the page with a form and send it, filled in; ``to`` is where it goes if that is not the page itself."""
        proof = re.search(r'name="bewijs" value="([0-9a-f]+)"', self.get(path).body.decode())
        assert proof, f"{path} has no form with a proof"
        return self.post(to or path, {"bewijs": proof[1], **fields})

    def log_in(self, person: Person, **instead: str) -> Answer:
        fields = {"login": person.login, "wachtwoord": person.password, **instead}
        return self.post("/aanmelden", {"code": person.code(), **fields} if "code" not in fields else fields)


def text_of(answer: Answer) -> str:
    """What a page says, without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.body.decode())))


def add_person(
    home: Path, role: Role, party: str, *, login: str = "", name: str = "", finds_secret: bool = False
) -> Person:
    """Make an account, as ``ketenpoort functionaris`` does; a running gateway knows it at once."""
    login = login or f"{role.value}.{party or 'poort'}"
    name = name or f"{role.value.title()} van {party or 'de poort'}"
    password, address = add_account(
        home / "functionarissen.toml", login=login, name=name, role=role.value, party=party, finds_secret=finds_secret
    )
    [secret] = parse_qs(urlsplit(address).query)["secret"]
    return Person(login=login, name=name, role=role, party=party, password=password, secret=base64.b32decode(secret))


@contextlib.contextmanager
def console(
    home: Path,
    *,
    database: str = "sqlite+aiosqlite:///ketenpoort.sqlite",
    port: int = 0,
    more: str = "",
    named: tuple[str, ...] = (),
) -> Iterator[Console]:
    """Run a gateway with a console in ``home``: three parties; officers of each role at two, and at itself.

    Those of the parties ``named`` may find persons who are secret.
    """
    path = setup.new_gateway(home, origin="test.ketenpoort.voorbeeld", host="127.0.0.1", port=0, database=database)
    path.write_text(path.read_text().replace('"weiger"', '"leer"') + f"toezicht = {port}\nwachttijd = 5\n{more}")
    for code, name in {HOOFD: "De Brug", ONDER: "Zonnehoek", OTHER: "Wilgenhof"}.items():
        setup.add_party(home, code, name, url="https://localhost:1")
    people = {
        (role, party): add_person(home, role, party, finds_secret=party in named) for role in ROLES for party in PARTIES
    }
    with started(home) as gateway:
        yield Console(gateway=gateway, people=people)
