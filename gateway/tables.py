"""The gateway's tables; the log's own stand in ``audit.log``.

Times are whole milliseconds since 1970, UTC.
"""

import sqlalchemy as sa

from audit.log import metadata
from gateway.flow import State
from gateway.orders import tables as _orders  # noqa: F401 - its tables are made with these
from gateway.register import tables as _register  # noqa: F401 - its tables are made with these
from gateway.terms import tables as _terms  # noqa: F401 - its tables are made with these

_Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),  # sender/type/identification (TR056)
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("sender", sa.String(8), nullable=False),
    sa.Column("receiver", sa.String(8), nullable=False),
    sa.Column("identification", sa.String(12), nullable=False),
    sa.Column("wet", sa.String(3), nullable=False),  # JW, WMO: the ground on which it is read and brought
    sa.Column("answers", sa.String(32)),  # id of the message this one answers
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Column("sealed_body", sa.LargeBinary),
    sa.Column("sealed_subjects", sa.LargeBinary),
    sa.Column("receipt", sa.LargeBinary, nullable=False),
)

sa.Index(
    "messages_answers",  # one answer each
    messages.c.answers,
    unique=True,
    postgresql_where=messages.c.answers.is_not(None),
    sqlite_where=messages.c.answers.is_not(None),
)

# A sealed body cannot be compressed, and one of the usual size fits its row: to move each out of line is lost work.
sa.event.listen(
    messages,
    "after_create",
    sa.DDL("ALTER TABLE messages SET (toast_tuple_target = 8160)").execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", _Serial, primary_key=True, autoincrement=True),
    # Made with its message, by store.add alone; a foreign key would look each message up again, and lock it.
    sa.Column("message", sa.String(32), nullable=False, unique=True),
    sa.Column("sender", sa.String(8), nullable=False),
    sa.Column("receiver", sa.String(8), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(200)),
)
# Constants in the SQL, and the same in each query: with a parameter no database would know that the index fits.
IS_OPEN = sa.text(f"state <> '{State.DELIVERED}'")
IN_QUEUE = sa.text(f"state IN ('{State.QUEUED}', '{State.SENDING}')")
sa.Index(
    "deliveries_open",
    deliveries.c.receiver,
    deliveries.c.seq,
    postgresql_where=IS_OPEN,
    sqlite_where=IS_OPEN,
)
sa.Index(
    "deliveries_queue",
    deliveries.c.sender,
    deliveries.c.receiver,
    deliveries.c.seq,
    postgresql_where=IN_QUEUE,
    sqlite_where=IN_QUEUE,
)

# A lane is the road from one party to one other that is pushed to. It is what a push worker claims, so that
# order holds per pair and a claim costs the same however long the queue behind it is.
lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("sender", sa.String(8), primary_key=True),
    sa.Column("receiver", sa.String(8), primary_key=True),
    sa.Column("due_at", sa.BigInteger),  # None: nothing to do
    sa.Column("lease_until", sa.BigInteger, nullable=False),
)
sa.Index(
    "lanes_due",
    lanes.c.due_at,
    postgresql_where=lanes.c.due_at.is_not(None),
    sqlite_where=lanes.c.due_at.is_not(None),
)

refusals = sa.Table(
    "refusals",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),  # who, which bytes, which codes
    sa.Column("party", sa.String(8), nullable=False),
    sa.Column("type", sa.String(16)),
    sa.Column("refused_at", sa.BigInteger, nullable=False),
    sa.Column("codes", sa.Text, nullable=False),
    sa.Column("answer", sa.String(32)),  # message id of the retour that the gateway composed
)

# What earlier messages said (gateway.ledger). Keys there hold a BSN, so here stands only their blind index.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("lasts", sa.Boolean, nullable=False),  # a contract or a consent: it holds until it is changed
    sa.Column("sealed_record", sa.LargeBinary, nullable=False),
)

# Between whom there is a contract (no gemeente), and about whom a gemeente was asked for consent: so that those records
# of the ledger can be found from either side. It tells no more than the parties and types of messages do.
relations = sa.Table(
    "relations",
    metadata,
    sa.Column("wet", sa.String(3), primary_key=True),
    sa.Column("hoofd", sa.String(8), primary_key=True),
    sa.Column("onder", sa.String(8), primary_key=True),
    sa.Column("gemeente", sa.String(4), primary_key=True),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
)
sa.Index("relations_onder", relations.c.onder)
sa.Index("relations_gemeente", relations.c.gemeente)

# Who oversees (gateway.oversight): sessions on the console, the last code that was used, attempts that failed.
console_sessions = sa.Table(
    "console_sessions",
    metadata,
    sa.Column("id", sa.LargeBinary(32), primary_key=True),  # hash of the cookie
    sa.Column("officer", sa.String(64), nullable=False),
    sa.Column("began_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("fresh_at", sa.BigInteger, nullable=False),
    sa.Column("elevated_until", sa.BigInteger, nullable=False),
    sa.Column("sid", sa.Text, index=True),
)

# What officers found out of the ordinary and looked at; the reason stands in the log.
signals_seen = sa.Table(
    "signals_seen",
    metadata,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
)

# Incidents (gateway.oversight.casebook). Who is not told by a party is the gateway itself: an empty code.
incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("party", sa.String(8), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("found_at", sa.BigInteger, nullable=False),
    sa.Column("since_at", sa.BigInteger),
    sa.Column("until_at", sa.BigInteger),
    sa.Column("cbw", sa.Boolean, nullable=False),
    sa.Column("ap_at", sa.BigInteger),
    sa.Column("no_ap_at", sa.BigInteger),
    sa.Column("early_at", sa.BigInteger),
    sa.Column("csirt_at", sa.BigInteger),
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

# Runs of the verifier, asked for by an officer or begun by the gateway itself (gateway.oversight.checks).
checks = sa.Table(
    "checks",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("asked_at", sa.BigInteger, nullable=False),
    sa.Column("officer", sa.String(64), nullable=False),
    sa.Column("began_at", sa.BigInteger),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("verdict", sa.Integer),
    sa.Column("report", sa.Text),
    sa.Column("paper", sa.LargeBinary),
)

console_codes = sa.Table(
    "console_codes",
    metadata,
    sa.Column("officer", sa.String(64), primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
)

console_attempts = sa.Table(
    "console_attempts",
    metadata,
    sa.Column("key", sa.LargeBinary(16), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False),
)

# What is destroyed, and what may not be (gateway.retention). Who asked, why and about whom is sealed.
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # termijn, persoon, doorlopend
    sa.Column("class", sa.String(32), nullable=False, key="class_"),  # of the policy; empty: about persons
    sa.Column("party", sa.String(8), nullable=False),  # whose officers decide; empty: those of the gateway itself
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),  # of a standing order: when it ends
    sa.Column("under", sa.String(32)),  # the standing order that approved it
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
sa.Index("erasures_state", erasures.c.state)

erasure_approvals = sa.Table(
    "erasure_approvals",
    metadata,
    sa.Column("erasure", sa.String(32), primary_key=True),
    sa.Column("officer", sa.String(64), primary_key=True),  # the key: nobody approves twice
    sa.Column("at", sa.BigInteger, nullable=False),
)

erasure_items = sa.Table(
    "erasure_items",
    metadata,
    sa.Column("erasure", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("item", sa.String(64), primary_key=True),
)
"""What is still to be destroyed: gone from here in the transaction in which it is destroyed."""
sa.Index("erasure_items_item", erasure_items.c.kind, erasure_items.c.item)

erasure_batches = sa.Table(
    "erasure_batches",
    metadata,
    sa.Column("erasure", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("leaf", sa.LargeBinary(32), nullable=False),  # of the first of its entries in the log
)

erasure_sweeps = sa.Table(
    "erasure_sweeps",
    metadata,
    sa.Column("erasure", sa.String(32), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("how", sa.Text, nullable=False),  # what was done so that no bytes stay behind in the database
)

retention_days = sa.Table(
    "retention_days",
    metadata,
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # since 1970, Dutch time
    sa.Column("at", sa.BigInteger, nullable=False),
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # bericht, persoon, periode
    sa.Column("party", sa.String(8), nullable=False),  # empty, of a periode: all parties
    sa.Column("message", sa.String(32)),
    sa.Column("subject", sa.BigInteger),  # audit_subjects.id
    sa.Column("first_at", sa.BigInteger),
    sa.Column("last_at", sa.BigInteger),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("lifted_at", sa.BigInteger),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

secret_persons = sa.Table(
    "secret_persons",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("subject", sa.BigInteger, nullable=False),  # audit_subjects.id
    sa.Column("party", sa.String(8), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger),  # when the gemeente must have confirmed the first form
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary),  # the party's own number of this client; none once no longer secret
)
sa.Index(
    "secret_persons_now",
    secret_persons.c.party,
    postgresql_where=sa.text("state <> 'opgeheven'"),
    sqlite_where=sa.text("state <> 'opgeheven'"),
)

# Forms that went to a gemeente outside the messages; what they say is kept nowhere.
secret_forms = sa.Table(
    "secret_forms",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("secret", sa.String(32), nullable=False),  # secret_persons.id
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger),  # when the gemeente must have confirmed it; none once it did
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # which form, for whom, and the hash of what was handed over
)
sa.Index("secret_forms_secret", secret_forms.c.secret)

# What officers do between two requests (gateway.oversight): what they asked of the log, and their emergency access.
console_questions = sa.Table(
    "console_questions",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),  # trace of the lines that this search left in the log
    sa.Column("session", sa.LargeBinary(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

console_emergencies = sa.Table(
    "console_emergencies",
    metadata,
    sa.Column("trace", sa.String(32), primary_key=True),  # that its lines in the log share
    sa.Column("party", sa.String(8), nullable=False),
    sa.Column("officer", sa.String(64), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("session", sa.LargeBinary(32), nullable=False),
    sa.Column("began_at", sa.BigInteger, nullable=False),
    sa.Column("ends_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("reviewer", sa.String(64)),
    sa.Column("reviewed_at", sa.BigInteger),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # why
)
