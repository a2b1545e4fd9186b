"""The register of processing (AVG art. 30), made from how the gateway is set up: nobody keeps it by hand; pure.

What cannot be read from catalogue, schemas, policy and parties stands in ``register.toml``.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from audit.catalogue import kinds
from gateway.catalog import Catalog
from gateway.message import MessageType
from gateway.parties import Parties
from gateway.retention.policy import Policy
from gateway.shapes import Leaf, Shape

MESSAGES = "berichten"
"""In the data of an activity: those of the messages themselves."""
LAWS = {"hoa": "Jeugdwet of Wmo 2015, zoals in de kop staat", "ijw": "Jeugdwet", "iwmo": "Wmo 2015"}


def register(catalog: Catalog, policy: Policy, parties: Parties, *, origin: str) -> dict[str, Any]:
    """Return the register, with members in Dutch, ready to be shown or written as JSON."""
    about = told()
    return {
        "register": "verwerkingsactiviteiten (AVG art. 30)",
        "poort": origin,
        "activiteiten": [_activity(code, policy) for code in about["activiteit"]],
        "berichten": [_message(catalog, kind) for kind in sorted(catalog.every(), key=_place)],
        "categorieen": [
            {"code": code, "titel": each["titel"], "bijzonder": each.get("bijzonder", False)}
            for code, each in about["categorie"].items()
        ],
        "ontvangers": [
            {"code": party.code, "naam": party.name, "handelt_ook_voor": sorted(party.codes - {party.code})}
            for _, party in sorted(parties.by_code.items())
        ],
        "doorgifte_buiten_de_eu": "geen",
        "beveiliging": about["beveiliging"],
    }


@cache
def told() -> Mapping[str, Any]:
    """Return what stands in ``register.toml``."""
    return tomllib.loads(resources.files("gateway.oversight").joinpath("register.toml").read_text(encoding="utf-8"))


@cache
def category_of() -> Mapping[str, str]:
    """Return field of a message → category of data."""
    return {name: code for code, each in told()["categorie"].items() for name in each["velden"]}


def fields(shape: Shape) -> Iterator[str]:
    """Yield the names of all simple fields below a class."""
    for place in shape.fields.values():
        if isinstance(place.form, Leaf):
            yield place.name
        else:
            yield from fields(place.form)


def in_policy(policy: Policy, codes: Iterable[str]) -> list[dict[str, str]]:
    """Return the terms of some classes."""
    return [
        {
            "klasse": code,
            "titel": policy[code].title,
            "termijn": str(policy[code].term),
            "vanaf": policy[code].begin,
            "grond": policy[code].ground,
        }
        for code in codes
    ]


def _activity(code: str, policy: Policy) -> dict[str, Any]:
    about = told()["activiteit"][code]
    return {
        "code": code,
        **{
            name: about[name]
            for name in ("naam", "doel", "grondslag", "betrokkenen", "verantwoordelijke", "ontvangers")
        },
        "gegevens": about["gegevens"],
        "termijnen": in_policy(policy, about["termijnen"]),
        "gebeurtenissen": [
            {"code": each.code, "titel": each.title, "soort": each.action}
            for each in kinds().values()
            if each.activity == code
        ],
    }


def _message(catalog: Catalog, kind: MessageType) -> dict[str, Any]:
    """Tell of one type what it holds: its fields by category, each once, in the order of the schema."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(fields(catalog.definition(kind).shape)):
        found.setdefault(category_of()[name], []).append(name)
    return {
        "soort": kind.name,
        "titel": kind.title,
        "standaard": f"{kind.standard} {kind.release}",
        "wet": LAWS[kind.standard],
        "van": kind.sends,
        "naar": kind.receives,
        "over_clienten": kind.subjects_path is not None,
        "gegevens": found,
    }


def _place(kind: MessageType) -> tuple[str, str, str]:
    return kind.standard, kind.release, kind.name
