"""Rule code → plain Dutch, from ``schemas/regels/``; read when first asked for."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "schemas" / "regels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a rule demands and what to do when it is broken."""

    code: str
    level: int
    """0 gate and routing, 1 XSD, 2 inside the message, 3 against earlier messages, 4 against the register."""
    return_code: str
    """Code in the answer (WJ001), empty if no answer follows."""
    title: str
    rule: str
    remedy: str
    source: str


def explain(code: str) -> Explanation | None:
    """Explain one code, or None if there is no such rule."""
    return _rules().get(code)


def advice(code: str) -> str:
    """The text of a finding with this code: what is wrong, what is demanded, what to do. KeyError if it is unknown."""
    known = _rules()[code]
    return f"{known.title}. De regel: {known.rule} {known.remedy}".strip()


@cache
def _rules() -> dict[str, Explanation]:
    return {
        code: Explanation(
            code=code,
            level=entry["niveau"],
            return_code=entry["retourcode"],
            title=entry["titel"],
            rule=entry["regel"],
            remedy=entry["oplossing"],
            source=entry["bron"],
        )
        for path in sorted(FOLDER.glob("*.toml"))
        for code, entry in tomllib.loads(path.read_text("utf-8")).items()
    }
