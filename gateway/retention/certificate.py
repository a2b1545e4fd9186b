"""The certificate of destruction: what went, on what ground, who agreed, with proof that the log says so; signed.

Whoever holds it needs only our public key: the signature (Ed25519, the key of receipts) is over the JSON without its
member ``handtekening``, names sorted and no spaces. Each proof is a C2SP tlog-proof of the line that names what went.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audit import log
from audit.keys import KeyService
from audit.proof import LogProof, write_proof
from gateway.decide import rfc3339
from gateway.receipt import canonical
from gateway.retention import orders, store
from gateway.retention.decide import Stage
from gateway.retention.orders import NotAllowedError
from gateway.retention.policy import Policy

_DAY = 86_400_000
_LEFT = {
    "SQLite": "Niets in de database zelf: vrijgekomen ruimte is met nullen overschreven en het WAL-bestand is geleegd.",
    "PostgreSQL": "De rijen zijn weg en hun ruimte is vrijgegeven (VACUUM). Verzegelde bytes kunnen in bestanden en"
    " WAL staan tot zij worden overschreven.",
}

_KEYS = {
    True: "De sleutels waaronder de inhoud van berichten stond, dienen nog voor andere berichten, of rusten nog.",
    False: "De sleutels van de inhoud van berichten zijn vernietigd: die gaat ook uit een back-up niet meer open.",
}


async def certificate(
    db: AsyncConnection, keys: KeyService, origin: str, id_: str, *, policy: Policy
) -> dict[str, Any]:  # fmt: skip
    """Return the certificate of an erasure; raises NotAllowedError until it is done, cleaned up after and proven."""
    found = await orders.get(db, keys, id_)
    sweep, batches = await store.sweep_of(db, id_), await store.batches(db, id_)
    if found.state is not Stage.DONE or sweep is None:
        raise NotAllowedError(f"Deze vernietiging is nog niet klaar: {found.state}.")
    rule, backups = policy.get(found.class_), policy["back-ups"].term
    told: dict[str, Any] = {
        "soort": "certificaat van vernietiging",
        "poort": origin,
        "vernietiging": id_,
        "klasse": rule.title if rule else "op verzoek van personen",
        "grond": found.reason,
        "gevraagdDoor": found.requester or origin,
        "goedgekeurdDoor": list(found.approvals),
        "doorlopendeOpdracht": found.under,
        "voorgesteldOp": rfc3339(found.made_at),
        "uitgevoerdOp": rfc3339(found.changed_at),
        "aantallen": dict(_counts(batches)),
        "logregels": [await _line(db, each) for each in batches],
        "opgeruimd": {"op": rfc3339(sweep.at), **json.loads(sweep.how)},
        "blijftNog": {
            "database": _LEFT[json.loads(sweep.how)["database"]],
            "backups": f"Back-ups van vóór de uitvoering, ten hoogste {backups} lang.",
            **({"sleutels": _KEYS[await store.waits_for_keys(db, id_)]} if "bericht" in _counts(batches) else {}),
            "log": "Dat het is vernietigd, door wie en waarom: zo lang als het logboek.",
        },
        "volledigVanaf": rfc3339(sweep.at + backups.days() * _DAY),
        "opgemaaktOp": rfc3339(orders.now()),
        "sleutel": f"{origin}/ontvangst",
    }
    signature = keys.signer("ontvangst").sign(canonical(told))
    return {**told, "handtekening": base64.b64encode(signature).decode()}


def holds(told: Mapping[str, Any], *, verify: Callable[[bytes, bytes], bool]) -> bool:
    """Tell whether ``verify(signature, message)`` accepts the signature on a certificate."""
    said = {name: value for name, value in told.items() if name != "handtekening"}
    return verify(base64.b64decode(told["handtekening"]), canonical(said))


def _counts(batches: Sequence[Any]) -> Counter[str]:
    counts = Counter[str]()
    for each in batches:
        counts[each.kind] += each.count
    return counts


async def _line(db: AsyncConnection, batch: Any) -> dict[str, Any]:
    proof = await log.proof_of(db, batch.leaf)
    if proof is None:
        raise NotAllowedError("Het logboek heeft nog geen stand met deze vernietiging erin. Probeer het zo opnieuw.")
    text = write_proof(
        LogProof(index=proof.index, hashes=proof.hashes, checkpoint=proof.checkpoint, leaf=batch.leaf)
    )  # fmt: skip
    at = datetime.fromtimestamp(batch.at / 1000, UTC).isoformat(timespec="seconds")
    return {"nummer": proof.index, "soort": batch.kind, "aantal": batch.count, "op": at, "bewijs": text}
