"""What ``ketenpoort audit getuige`` and ``ketenpoort bewijs`` do for a party: hold the gateway to its own log."""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from adapters.client import Client, Connection, RefusedError, UnreachableError
from adapters.witness import address, listen_trouble, witnessing
from audit import tree
from audit.note import Checkpoint, NoteError, VerifierKey, encode_key, read_checkpoint
from audit.proof import faults, read_proof
from audit.witness import unknown, write_request
from audit.witness_folder import Witness, WitnessError

ALARM = "Gebruik deze poort niet verder, bewaar deze map, en waarschuw de beveiligingsfunctionaris van de poort."


async def watch(connection: Connection, witness: Witness, keys: Sequence[VerifierKey]) -> int:
    """Fetch the head of the log, make sure that it follows from the last one that was kept, and keep it, signed.

    Returns 0; 1 if the gateway shows another log than before, told in Dutch; 2 if it cannot be told.
    """
    try:
        async with Client(connection) as client:
            return await _watch(client, witness, keys)
    except (UnreachableError, RefusedError, WitnessError) as error:
        print(error, file=sys.stderr)
    except NoteError:
        print("De poort gaf geen stand die te lezen is.", file=sys.stderr)
    except OSError:
        print("Het certificaat, de sleutel of het CA-bestand van de aansluiting is niet te lezen.", file=sys.stderr)
    return 2


async def _watch(client: Client, witness: Witness, keys: Sequence[VerifierKey]) -> int:
    head = read_checkpoint(await client.checkpoint())
    if unknown(head, keys):
        print(
            f"De poort toont een logboek dat {head.origin} heet, en dat is niet met uw sleutel ondertekend.",
            file=sys.stderr,
        )
        print("Na een herstel heet het logboek anders; de beheerder geeft u dan een nieuwe sleutel.", file=sys.stderr)
        return 1
    known = witness.last(head.origin)
    if known and head.size < known.size:
        return _alarm(witness, known, head, "De poort toont een kleiner logboek dan eerder")
    old = known.size if known else 0
    proof = await _growth(client, old, head.size)
    answer = await asyncio.to_thread(witness.add, write_request(old, proof, head.note), keys, datetime.now(UTC))
    if answer.status == 200:
        print(f"Het logboek {head.origin} heeft {head.size} regels en volgt uit wat u eerder zag ({old} regels).")
        return 0
    if answer.inconsistent and known:
        return _alarm(witness, known, head, "De poort toont een ander logboek dan eerder")
    print(f"De stand is niet bewaard: {answer.text.strip()}. Probeer het opnieuw.", file=sys.stderr)
    return 2


def _alarm(witness: Witness, known: Checkpoint, shown: Checkpoint, what: str) -> int:
    place = witness.keep_evidence(known, shown)
    print(f"{what}: eerst {known.size} regels, nu {shown.size}. Beide standen zijn ondertekend.", file=sys.stderr)
    print(f"Het bewijs staat in {place}. {ALARM}", file=sys.stderr)
    return 1


async def _growth(client: Client, old: int, new: int) -> tuple[bytes, ...]:
    """Put a proof of growth together from the tiles of the tree of size ``new``."""
    if not 0 < old < new:
        return ()
    ranges, tiles = tree.consistency_ranges(old, new), dict[tree.TileId, bytes]()
    for level, number in tree.tiles_of(ranges):
        width = min((new >> (8 * level)) - number * tree.WIDTH, tree.WIDTH)
        tiles[level, number] = await client.tile(level, number, width)
    try:
        return tuple(tree.hashes_of(ranges, tiles.__getitem__))
    except KeyError:
        raise NoteError("a tile of another width") from None


async def serve(witness: Witness, keys: Sequence[VerifierKey], where: str) -> int:
    """Let ``witness`` answer logs at ``where`` (ADRES:POORT) until cancelled; return 2 if it cannot."""
    try:
        host, port = address(where)
        async with witnessing(witness, keys, host=host, port=port) as found:
            print(f"Getuige {witness.name} luistert op http://{host}:{found}/add-checkpoint", flush=True)
            for key in witness.keys:
                print(f"  {encode_key(key)}", flush=True)
            await asyncio.Event().wait()
    except ValueError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(listen_trouble(error, where), file=sys.stderr)
    return 2


async def prove(connection: Connection, receipt: Path, target: Path | None, keys: Sequence[VerifierKey]) -> int:
    """Fetch the proof that the line of a receipt stands in the log, and keep it beside the receipt or in ``target``.

    With ``keys`` it is checked before it is kept. Returns 0; 1 if it does not prove that; 2 if it cannot be had.
    """
    try:
        promise = json.loads(await asyncio.to_thread(receipt.read_bytes))
        id_, leaf = str(promise["berichtId"]), bytes.fromhex(promise["logregel"])
    except (OSError, ValueError, LookupError, TypeError):
        print(f"{receipt} is geen ontvangstbewijs.", file=sys.stderr)
        return 2
    try:
        async with Client(connection) as client:
            data = await client.proof(id_)
        proof = read_proof(data)
        wrong = faults(proof, leaf, keys) if keys else []
    except (UnreachableError, RefusedError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError:
        print("Het certificaat, de sleutel of het CA-bestand van de aansluiting is niet te lezen.", file=sys.stderr)
        return 2
    except NoteError:
        wrong = ["De poort gaf iets anders dan een bewijs."]
    if wrong or proof.leaf != leaf:
        print("Dit is geen bewijs voor dit ontvangstbewijs.", *wrong, sep="\n", file=sys.stderr)
        return 1
    place = target or receipt.with_suffix(".tlog-proof")
    await asyncio.to_thread(place.write_bytes, data)
    checked = "klopt" if keys else "is niet gecontroleerd: geef de sleutel van het logboek met --sleutel"
    print(
        f"{place}: regel {proof.index} van {proof.checkpoint.size} in {proof.checkpoint.origin}; het bewijs {checked}."
    )
    print(f"Zonder verbinding controleren: python -m audit.proof {place} log.vkey --regel {leaf.hex()}")
    return 0
