"""Large documents made from small ones: a declaration of many clients, or of one client with many lines."""

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<m:Bericht xmlns:m="urn:hoa:1_0:ho323:schema" xmlns:b="urn:hoa:1_0:basisschema:schema">
  <m:Header>
    <m:BerichtCode>HO323</m:BerichtCode>
    <m:BerichtVersie>1</m:BerichtVersie>
    <m:BerichtSubversie>0</m:BerichtSubversie>
    <m:Afzender>98000002</m:Afzender>
    <m:Ontvanger>98000001</m:Ontvanger>
    <m:BerichtIdentificatie>
      <b:Identificatie>GROOT-1</b:Identificatie>
      <b:Dagtekening>2026-03-02</b:Dagtekening>
    </m:BerichtIdentificatie>
    <m:XsdVersie>
      <b:BasisschemaXsdVersie>1.0.0</b:BasisschemaXsdVersie>
      <b:BerichtXsdVersie>1.0.0</b:BerichtXsdVersie>
    </m:XsdVersie>
    <m:Wet>JW</m:Wet>
  </m:Header>
  <m:Declaratie>
    <m:DeclaratieNummer>GROOT1</m:DeclaratieNummer>
    <m:DeclaratiePeriode>
      <b:Begindatum>2026-02-01</b:Begindatum>
      <b:Einddatum>2026-02-28</b:Einddatum>
    </m:DeclaratiePeriode>
    <m:DeclaratieDagtekening>2026-03-01</m:DeclaratieDagtekening>
    <m:TotaalIngediendBedrag>
      <b:TotaalBedrag>{total}</b:TotaalBedrag>
      <b:DebetCredit>D</b:DebetCredit>
    </m:TotaalIngediendBedrag>
    <m:Clienten>
"""
FOOTER = "    </m:Clienten>\n  </m:Declaratie>\n</m:Bericht>\n"
LINE = """          <m:Prestatie>
            <m:ProductReferentie>
              <b:ReferentieNummer>R{number}</b:ReferentieNummer>
            </m:ProductReferentie>
            <m:OpdrachtNummer>{number}</m:OpdrachtNummer>
            <m:ProductCategorie>45</m:ProductCategorie>
            <m:ProductCode>45A04</m:ProductCode>
            <m:ProductPeriode>
              <b:Begindatum>2026-02-01</b:Begindatum>
              <b:Einddatum>2026-02-28</b:Einddatum>
            </m:ProductPeriode>
            <m:GeleverdVolume>{volume}</m:GeleverdVolume>
            <m:Eenheid>04</m:Eenheid>
            <m:ProductTarief>100</m:ProductTarief>
            <m:IngediendBedrag>
              <b:Bedrag>500</b:Bedrag>
              <b:DebetCredit>D</b:DebetCredit>
            </m:IngediendBedrag>
          </m:Prestatie>
"""


def bsns(count: int) -> list[str]:
    """BSNs of the official test range that pass the 11-check."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    found: list[str] = []
    number = 999900006
    while len(found) < count:
        digits = str(number)
        if sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11 == 0:
            found.append(digits)
        number += 1
    return found


def client(bsn: str, lines: list[str]) -> str:
    return (
        f"      <m:Client>\n        <m:Bsn>{bsn}</m:Bsn>\n        <m:Prestaties>\n"
        + "".join(lines)
        + "        </m:Prestaties>\n      </m:Client>\n"
    )


def declaration(*, clients: int, lines: int, volume: str = "5", total: int | None = None, bsn: str = "") -> bytes:
    """A HO323 of so many clients with so many lines each; ``volume`` and ``bsn`` go into every line and client."""
    body, number = [], 0
    pool = [bsn] * clients if bsn else bsns(min(clients, 8_000))
    for index in range(clients):
        made = []
        for _ in range(lines):
            number += 1
            made.append(LINE.format(number=number, volume=volume))
        body.append(client(pool[index % len(pool)], made))
    amount = 500 * number if total is None else total
    text = HEADER.replace("{total}", str(amount)) + "".join(body) + FOOTER
    return "\n".join(line.strip() for line in text.splitlines()).encode()
