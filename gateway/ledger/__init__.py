"""The ledger: what earlier messages said, and level 3: the rules that hold a message against it. Pure.

**The ledger is a list of what was said; state is a fold over it.** Nothing in it is ever changed into a balance or a
status: an order, a start or an approved line is what follows from reading the list again.

Who keeps a ledger needs five things:

- ``check(raw, catalog, observers=read.OBSERVERS)``: ``Checked.said`` then holds what the message says, as the values
  of ``gateway.ledger.values``; without ``observers`` nothing is read and nothing is slower.
- ``keys.keys(facts, said, past)``: which records are needed. Ask first with an empty ``past``, load those, ask again
  with what was loaded, load what is new: two rounds always suffice. What does not exist is left out of ``past``.
- ``book.judge(facts, said, past, levels=)``: the findings of level 3 (what was said of the same clients) and 4 (what
  contract and consent allow), in document order; none of them holds a value.
- ``book.remember(facts, said, past)``: the records that are new or changed once the message is accepted. Call it for
  every accepted message of every type; a retour that refuses, and a 325 that refuses the whole, makes the message that
  it answers count as not sent (OP286).
- ``codec.pack(record)`` and ``codec.unpack(raw)``: a record as bytes of JSON with a version, and back.

A record is a tuple of ``Heard``, one for each message, in order of acceptance, under a key that is a plain string:

| key | what its record tells |
|---|---|
| ``dossier/WET/PAYER/PROVIDER/BSN`` | everything said between these two under this law about this client |
| ``nummer/WET/PAYER/NUMBER`` | whose assignment or order has this number (``Use``) |
| ``referentie/WET/PROVIDER/REFERENCE`` | which dossier holds the request with this ReferentieAanbieder (``Use``) |
| ``bericht/SENDER/TYPE/IDENTIFICATIE`` | of a heenbericht: what it touched (``Touched``), or its ``Declaration`` and |
| | then the ``Answer`` to it |
| ``declaraties/WET/PAYER/PROVIDER`` | every declaration sent between these two (``Declaration``) |
| ``declaratie/WET/PROVIDER/NUMBER`` | that this DeclaratieNummer was used |
| ``regel/WET/PROVIDER/REFERENCE`` | that this ReferentieNummer was used; a line without client (HOA) stands here, |
| | and then the credit of it |
| ``overeenkomst/WET/PAYER/PROVIDER`` | contracts that were offered, with what was decided on each |
| ``toestemming/WET/GEMEENTE/PAYER/PROVIDER`` | an onderaannemer that was reported, with what the gemeente decided |
| ``toewijzing/WET/GEMEENTE/PAYER/NUMBER`` | an assignment, and the orders that divide it |
| ``betrokken/WET/PROVIDER/BSN`` | the orders that this onderaannemer was given for this client, by whomever |

Payer is the gemeente or the hoofdaannemer, provider the aanbieder or the onderaannemer. A dossier key holds a BSN and
records hold personal data: both must be sealed or hashed wherever they are kept.

What a line of a declaration has become is not written back into dossiers: ``dossier.Fates`` reads it from the
record of its declaration. That is why judging a 323, or a 301 that removes an assignment, takes the second round; a 319
takes it to find the dossier of the request, a retour to find what the refused message touched. In ``judge`` each
dossier is looked up once, client by client, so a mapping that decodes when asked keeps memory small.

The ledger knows only what passed through it. Whoever starts one in the middle of running care must first let it
remember the assignments, starts and declarations that are still current, or it will refuse what builds on them.
"""
