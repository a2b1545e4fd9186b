"""Logging in by an OpenID provider: a real one, in a program of its own; and by tokens as a hostile one makes them."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from browser import browser, new_page
from console import COOKIE, console, text_of
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from needs import NODE, NPM
from running import HOOFD, ROOT, environment, wait_until

from adapters.console import oidc
from adapters.console.tokens import TokenError, UnknownKeyError, read_id_token, read_logout_token

__all__ = ["browser"]
HERE = ROOT / "tests" / "oidc"
LEVEL = "http://eidas.europa.eu/LoA/substantial"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="session")
def program() -> Path:
    """Folder with the provider and all that it needs, exactly as locked; made once for each lock."""
    lock = (HERE / "package-lock.json").read_bytes() + (HERE / "package.json").read_bytes()
    folder = ROOT / ".venv" / f"oidc-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE, folder)
        npm = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False)
        if made.returncode:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"npm could not install: {made.stderr}")
        (folder / "ready").touch()
    shutil.copy(HERE / "provider.mjs", folder)
    return folder


@pytest.fixture(scope="module")
def issuer() -> str:
    return f"https://localhost:{free_port()}"


@pytest.fixture(scope="module")
def desk(tmp_path_factory, issuer):
    home, port = tmp_path_factory.mktemp("toezicht") / "poort", free_port()
    home.mkdir()
    (home / "oidc.geheim").write_text("geheim-van-de-poort\n")
    told = (
        f'[oidc]\nuitgever = "{issuer}"\nclient = "toezicht"\ngeheim = "oidc.geheim"\nca = "tls/ca.pem"\n'
        f'adres = "https://localhost:{port}"\n'
    )
    with console(home, port=port, more=told) as desk:
        with (home / "functionarissen.toml").open("a") as file:
            for name in ("anna", "bert"):
                file.write(
                    f'\n[[functionaris]]\nlogin = "{name}"\nnaam = "{name.title()} de Wit"\nrol = "fg"\n'
                    f'partij = "{HOOFD}"\nuitgever = "{issuer}"\nsub = "sub-van-{name}"\n'
                )
        yield desk


@pytest.fixture(scope="module")
def provider(desk, issuer, program):
    home, ours = desk.gateway.home, f"https://localhost:{desk.port}"
    certificate = home / "tls/poort.pem", home / "tls/poort.key"
    command = [NODE, "provider.mjs", str(urlsplit(issuer).port), ours + oidc.BACK, ours + "/aanmelden/afgemeld"]
    with (home / "provider.txt").open("wb") as said:
        process = subprocess.Popen(
            [*command, *map(str, certificate)], cwd=program, stdout=said, stderr=said,
            env={**environment(), "NODE_EXTRA_CA_CERTS": str(home / "tls/ca.pem")},
        )  # fmt: skip
    try:
        wait_until(lambda: b"ready" in (home / "provider.txt").read_bytes() and process.poll() is None, 30)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def log_in(window, desk, sub, level="substantial", path="/"):
    window.goto(desk.url + path)
    window.get_by_role("link", name="Ga verder met de inlogdienst").click()
    window.get_by_label("Wie").fill(sub)
    window.get_by_label("Niveau").fill(level)
    window.get_by_role("button", name="Verder").click()


def test_an_officer_logs_in_by_his_provider_and_comes_where_he_wanted_to_be(desk, provider, browser):
    with new_page(browser, script=False) as window:
        log_in(window, desk, "sub-van-anna", path="/sessie")
        window.wait_for_url(desk.url + "/sessie")
        assert "Anna de Wit" in window.content()


def test_a_lower_level_than_asked_is_not_enough(desk, provider, browser):
    with new_page(browser) as window:
        log_in(window, desk, "sub-van-anna", level="low")
        assert "De inlogdienst laat u hier niet toe" in window.get_by_role("alert").inner_text()
        window.goto(desk.url + "/sessie")
        assert window.url.startswith(desk.url + "/aanmelden")


def test_who_is_no_officer_does_not_come_in_however_well_he_is_known_there(desk, provider, browser):
    with new_page(browser) as window:
        log_in(window, desk, "sub-van-niemand")
        assert "De inlogdienst laat u hier niet toe" in window.get_by_role("alert").inner_text()


def test_when_the_provider_says_that_he_logged_off_he_is_out_here_at_once(desk, provider, browser):
    with new_page(browser) as window:
        log_in(window, desk, "sub-van-bert")
        window.wait_for_url(desk.url + "/")
        window.goto(provider + "/session/end")
        window.get_by_role("button", name="Yes, sign me out").click()
        wait_until(lambda: window.goto(desk.url + "/sessie").url.startswith(desk.url + "/aanmelden"), 10)


def test_who_confirms_at_the_provider_keeps_his_session(desk, provider, browser):
    with new_page(browser) as window:
        log_in(window, desk, "sub-van-anna")
        window.wait_for_url(desk.url + "/")
        cookie = [each["value"] for each in window.context.cookies() if each["name"] == COOKIE]
        window.goto(desk.url + "/aanmelden?naar=/sessie")
        window.get_by_role("link", name="Bevestig met de inlogdienst").click()
        window.wait_for_url(desk.url + "/sessie")
        assert [each["value"] for each in window.context.cookies() if each["name"] == COOKIE] == cookie


def begun(desk):
    """A stranger who began to log in, and what the provider was asked."""
    visitor = desk.visitor()
    answer = visitor.get("/aanmelden/inlogdienst?naar=/sessie")
    assert answer.status == 303
    assert "SameSite=Lax" in answer.headers["set-cookie"]
    return visitor, {name: each[0] for name, each in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def test_what_is_asked_of_the_provider_is_bound_to_this_browser_and_different_each_time(desk, provider):
    (_, first), (_, second) = begun(desk), begun(desk)
    assert first["response_type"], first["code_challenge_method"] == ("code", "S256")
    assert first["redirect_uri"] == desk.url + "/aanmelden/terug"
    assert LEVEL in first["acr_values"].split()
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) == 43
        assert first[name] != second[name]
    assert len({first["state"], first["nonce"], first["code_challenge"]}) == 3


@pytest.mark.parametrize(
    "back",
    [
        "code=x",
        "code=x&state=verzonnen",
        "state={state}",
        "error=access_denied&state={state}",
        "code=verzonnen&state={state}&iss=https://kwaad.voorbeeld",
    ],
)
def test_who_comes_back_with_something_else_does_not_come_in(desk, provider, back):
    visitor, asked = begun(desk)
    answer = visitor.get("/aanmelden/terug?" + back.format(**asked))
    assert answer.status == 403
    assert "laat u hier niet toe" in text_of(answer)
    assert COOKIE not in visitor.cookies


def test_a_code_that_the_provider_did_not_give_is_refused_without_a_word_of_it_in_our_output(desk, provider):
    visitor, asked = begun(desk)
    answer = visitor.get(f"/aanmelden/terug?code=verzonnen-code&state={asked['state']}")
    assert answer.status in (403, 502)
    assert b"verzonnen-code" not in desk.gateway.said()
    assert COOKIE not in visitor.cookies


def test_a_state_of_another_browser_is_refused(desk, provider):
    (_, asked), (victim, _) = begun(desk), begun(desk)
    assert victim.get(f"/aanmelden/terug?code=x&state={asked['state']}").status == 403


def test_a_browser_that_did_not_begin_is_not_let_in_as_somebody_else(desk, provider):
    nothing = oidc.derived("", "state")
    for cookies in ({}, {oidc.COOKIE: ".Lw=="}):
        visitor = desk.visitor()
        visitor.cookies |= cookies
        assert visitor.get(f"/aanmelden/terug?code=van-een-ander&state={nothing}").status == 403


def test_only_the_provider_can_say_that_somebody_logged_off(desk, provider):
    for token in ("", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
        assert desk.visitor().post("/aanmelden/afgemeld", {"logout_token": token}, Origin="").status == 400


EC, RSA = ECKey.generate_key("P-256", {"kid": "een"}), RSAKey.generate_key(2048, {"kid": "twee"})
KEYS = KeySet([EC, RSA])
NOW = 1_800_000_000
GOOD = {
    "iss": "https://op.voorbeeld", "aud": "toezicht", "sub": "anna", "sid": "s1", "nonce": "n", "acr": LEVEL,
    "iat": NOW, "exp": NOW + 60, "auth_time": NOW,
}  # fmt: skip


def read(claims, *, key=EC, algorithm="ES256", header=None):
    return accept(jwt.encode({"alg": algorithm, "kid": "een", **(header or {})}, claims, key, algorithms=[algorithm]))


def accept(token):
    about = {"issuer": "https://op.voorbeeld", "client": "toezicht", "nonce": "n", "levels": (LEVEL,), "at": NOW}
    return read_id_token(token, KEYS, **about)


def part(value) -> str:
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode().rstrip("=")
    )


def signed_with_what_everybody_knows() -> str:
    """A token under a 'shared secret' that is the public key of the provider: an old trick."""
    told = f"{part({'alg': 'HS256', 'kid': 'twee'})}.{part(GOOD)}"
    return f"{told}.{part(hmac.digest(RSA.as_pem(private=False), told.encode(), 'sha256'))}"


def test_a_good_token_tells_who_and_in_which_session():
    assert (read(GOOD).subject, read(GOOD).sid) == ("anna", "s1")
    assert read(GOOD, key=RSA, algorithm="RS256", header={"kid": "twee"}).subject == "anna"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://op.voorbeeld/"},
        {"aud": "een-ander"},
        {"aud": ["toezicht", "een-ander"]},
        {"aud": ["toezicht"], "azp": "een-ander"},
        {"aud": None},
        {"nonce": "m"},
        {"nonce": None},
        {"acr": "http://eidas.europa.eu/LoA/low"},
        {"acr": None},
        {"exp": NOW - 61},
        {"exp": NOW + 30 * 24 * 3600},
        {"exp": "morgen"},
        {"exp": None},
        {"iat": NOW + 61},
        {"iat": NOW - 3600},
        {"auth_time": NOW - 361},
        {"auth_time": None},
        {"auth_time": True},
        {"sub": ""},
        {"sub": None},
        {"sub": 5},
        {"sid": 5},
    ],
    ids=str,
)
def test_a_token_that_is_wrong_in_one_thing_is_no_token(change):
    with pytest.raises(TokenError):
        read({name: value for name, value in {**GOOD, **change}.items() if value is not None})


def test_a_token_with_another_signature_is_no_token():
    with pytest.raises(TokenError):
        read(GOOD, key=ECKey.generate_key("P-256"))
    with pytest.raises(TokenError):
        accept(signed_with_what_everybody_knows())
    with pytest.raises(UnknownKeyError):
        read(GOOD, header={"kid": "drie"})
    with pytest.raises(TokenError):
        accept("eyJhbGciOiJub25lIiwia2lkIjoiZWVuIn0." + part(GOOD) + ".")


@pytest.mark.parametrize(
    "change",
    [
        {"events": {}},
        {"events": None},
        {"sid": None},
        {"sid": ""},
        {"nonce": "n"},
        {"aud": "x"},
        {"iss": "x"},
        {"exp": 1},
    ],
    ids=str,
)
def test_a_logout_token_that_is_wrong_in_one_thing_ends_nothing(change):
    good = {
        "iss": "https://op.voorbeeld", "aud": "toezicht", "sid": "s1", "iat": NOW, "exp": NOW + 60,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }  # fmt: skip

    def told(claims):
        token = jwt.encode({"alg": "ES256", "kid": "een"}, claims, EC, algorithms=["ES256"])
        return read_logout_token(token, KEYS, issuer="https://op.voorbeeld", client="toezicht", at=NOW)

    assert told(good) == "s1"
    with pytest.raises(TokenError):
        told({name: value for name, value in {**good, **change}.items() if value is not None})
