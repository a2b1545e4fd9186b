"""Large declarations about invented persons: valid ones and thoroughly faulty ones; pure."""

import re

from gateway.invented import bsns, message

SAMPLE = "ho323-minimaal"
AMOUNT = 85_000
"""Eurocents of each Prestatie in the sample."""


def declaration(*, clients: int, lines: int) -> bytes:
    """Return a valid HO323 with so many clients (at most 9,000) of so many Prestaties each, totals right."""
    head, client, tail = _parts()
    start, line, end = split(client, b"Prestatie")
    blocks = []
    for number, bsn in zip(range(clients), bsns(), strict=False):
        blocks.append(re.sub(rb"(<Bsn>)\d+", rb"\g<1>" + bsn.encode(), start))
        for each in range(lines):
            own = str(1 + number * lines + each).encode()
            blocks.append(line.replace(b">R1<", b">R" + own + b"<").replace(b">1001<", b">" + own + b"<"))
        blocks.append(end)
    head = re.sub(rb"(<b:TotaalBedrag>)\d+", rb"\g<1>" + str(clients * lines * AMOUNT).encode(), head)
    return head + b"".join(blocks) + tail


def broken_records(count: int) -> bytes:
    """Return an HO323 in which so many clients do not fit the schema."""
    head, _, tail = _parts()
    return head + b"\n".join([b"<Client><Bsn>geen nummer</Bsn></Client>"] * count) + tail


def wrong_records(count: int) -> bytes:
    """Return an HO323 that fits the schema, in which so many clients have a BSN that fails the 11-check."""
    head, client, tail = _parts()
    client = re.sub(rb">\s+<", b"><", re.sub(rb"(<Bsn>)\d+", rb"\g<1>999900007", client))
    return head + b"\n".join([client] * count) + tail


def _parts() -> tuple[bytes, bytes, bytes]:
    return split(message(SAMPLE, "GROOT", sender="98000002", receiver="98000001"), b"Client")


def split(raw: bytes, element: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the first of these elements, that element with the end of its line, and the rest."""
    start = raw.index(b"<" + element + b">")
    end = raw.index(b"</" + element + b">") + len(element) + 3
    return raw[:start], raw[start:end], raw[end:]
