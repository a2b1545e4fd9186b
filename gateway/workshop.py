"""The process in which documents are touched: reads frames from its input, does each job, writes frames back.

It may open no files once it has begun, has so much memory and no more, and whatever it makes of a document, the
gateway (``gateway.worker``) can throw it away.
"""

import gc
import os
import resource
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

import orjson

from gateway.answer import judged
from gateway.catalog import FOLDER, Catalog
from gateway.check import check
from gateway.codes import code_list, lists_of
from gateway.explain import read_all
from gateway.ledger.read import OBSERVERS
from gateway.message import Checked
from gateway.package import Published
from gateway.verdicts import encode

TRIP = struct.Struct(">I")
"""How many documents follow."""
DOCUMENT = struct.Struct(">BI")
"""Job and size of one."""
ANSWER = struct.Struct(">II")
"""Sizes of the verdicts, and of what was made of the last document among them."""
CHECK, REFUSE, TO_XML, TO_JSON = range(4)
"""Jobs, as they are written in a frame; ``_crafts`` says what is done for each."""
Done = tuple[Checked, bytes]
"""The verdict on a document, and what was made of it; nothing was by a check, or where the verdict is no."""
SOUND = Checked(type=None, facts=None, findings=(), total=0)
PATIENCE = 0.002
"""Seconds that a verdict waits for company on its way back."""
ROOM = 256 * 1024
"""Bytes read ahead from the pipe."""

Craft = Callable[[bytes], Done]
"""What a worker does with a document."""


def _crafts(kind: str, packages: str, *, hears: bool) -> Mapping[int, Craft]:
    """What a worker of this kind can do, by job; all files that it needs are read now."""
    catalog = Catalog.load(published=Published.load(Path(packages)) if packages else None)
    catalog.compile_all()
    read_all()
    code_list("CBS")
    lists_of("")

    def judge(raw: bytes) -> Checked:
        return check(raw, catalog, OBSERVERS if hears else {})

    if kind == "check":
        return {CHECK: lambda raw: (judge(raw), b""), REFUSE: lambda asked: (SOUND, _refusal(asked, catalog))}
    from gateway import convert, forms  # noqa: PLC0415 - half a second and xmlschema, only where they are needed

    known = forms.read(FOLDER)
    return {
        TO_XML: lambda raw: convert.xml_of(raw, known, judge),
        TO_JSON: lambda raw: (SOUND, convert.json_of(raw, known)),
    }


def _refusal(asked: bytes, catalog: Catalog) -> bytes:
    told, _, raw = asked.partition(b"\n")
    codes, identification, today = orjson.loads(told)
    return judged(raw, codes, catalog, identification=identification, today=today, whole=True)


def main(memory: str, kind: str, hears: str, packages: str) -> None:
    """The worker itself: read frames until the pipe closes; never open a file once it knows its crafts."""
    documents = open(0, "rb", buffering=ROOM, closefd=False)  # noqa: SIM115 - read until the process ends
    crafts = _crafts(kind, packages, hears=bool(hears))
    for limit, most in (
        (resource.RLIMIT_AS, int(memory)),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    # A verdict leaves no cycles behind, so looking for them at every few hundred objects is lost time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)
    os.write(1, b"!")
    try:
        _answer(documents, crafts)
    except Exception as error:  # noqa: BLE001 - the edge of this process; what the error says may hold a BSN
        os.write(2, f"worker: {type(error).__name__} {_where(error)}\n".encode())
        sys.exit(1)


def _where(error: Exception) -> str:
    """File and line where an error was raised."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return f"{Path(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno}" if step else ""


def _answer(source: BinaryIO, crafts: Mapping[int, Craft]) -> None:
    """Answer trip after trip; verdicts are written when the trip is done or the oldest has waited long enough."""
    while head := source.read(TRIP.size):
        waiting: list[Checked] = []
        since = monotonic()
        for _ in range(TRIP.unpack(head)[0]):
            job, size = DOCUMENT.unpack(source.read(DOCUMENT.size))
            checked, made = crafts[job](source.read(size))
            waiting.append(checked)
            if made or monotonic() - since > PATIENCE:
                _send(waiting, made)
                waiting, since = [], monotonic()
        if waiting:
            _send(waiting, b"")


def _send(verdicts: Sequence[Checked], made: bytes) -> None:
    told = encode(verdicts)
    left = memoryview(b"".join((ANSWER.pack(len(told), len(made)), told, made)))
    while left:
        left = left[os.write(1, left) :]


if __name__ == "__main__":
    _arguments: Any = sys.argv[1:]
    main(*_arguments)
