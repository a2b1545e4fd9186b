"""The drawing of docs/architecture.md, as tables that hold."""

import ast
import itertools
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from gateway import cli, settings

ROOT = Path(__file__).parent.parent
PACKAGES = ("gateway", "adapters", "audit")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BENCH = {"gateway/bench.py", *(str(p.relative_to(ROOT)) for p in ROOT.glob("gateway/bench/*.py"))}

# What -> the only modules that may import it.
ONLY_IN = {
    "lxml": {
        "gateway/catalog.py",
        "gateway/check.py",
        "gateway/compose.py",
        "gateway/convert.py",
        "gateway/answer.py",
        "gateway/write.py",
        "gateway/shapes.py",
        "gateway/package.py",
    }
    | BENCH,
    "xmlschema": {"gateway/forms.py"},
    "jinja2": {"adapters/console/render.py"},
    "joserfc": {"adapters/console/oidc.py", "adapters/console/tokens.py"},
    "cryptography": {
        "audit/stamped.py",
        "gateway/oversight/accounts.py",
        "audit/seal.py",
        "audit/box.py",
        "adapters/tls.py",
        "gateway/register/papers.py",
    },
    "sqlalchemy": {
        "gateway/tables.py",
        "gateway/terms/tables.py",
        "gateway/orders/tables.py",
        "gateway/orders/numbers.py",
        "gateway/terms/notices.py",
        "gateway/terms/store.py",
        "gateway/store.py",
        "gateway/commit.py",
        "gateway/app.py",
        "gateway/serve.py",
        "gateway/retention/due.py",
        "gateway/retention/handed.py",
        "gateway/retention/people.py",
        "gateway/retention/store.py",
        "gateway/register/store.py",
        "gateway/register/tables.py",
        "gateway/oversight/sessions.py",
        "gateway/oversight/state.py",
        "audit/bulk.py",
        "audit/index.py",
        "audit/reindex.py",
        "audit/log.py",
        "audit/outside.py",
        "audit/record.py",
        "audit/export.py",
        "audit/filed.py",
        "gateway/oversight/casebook.py",
        "gateway/oversight/checks.py",
        "gateway/oversight/touched.py",
        "gateway/oversight/watch.py",
        "gateway/oversight/readings.py",
        "gateway/oversight/kept.py",
        "audit/search.py",
    }
    | BENCH,
    "adapters": {
        "gateway/app.py",
        "gateway/serve.py",
        "gateway/commands/agreed.py",
        "gateway/commands/operator.py",
        "gateway/commands/orders.py",
        "gateway/commands/party.py",
        "gateway/commands/terms.py",
        "gateway/commands/register.py",
        "gateway/commands/witness.py",
        "gateway/demo.py",
        "gateway/scenario/asked.py",
        "gateway/scenario/play.py",
        "gateway/scenario/stand.py",
        "gateway/setup.py",
    }
    | BENCH,
}
# A step takes the connection first; to name its type is not to write SQL.
TYPES_OF_A_STEP = {"sqlalchemy.ext.asyncio.AsyncConnection", "sqlalchemy.ext.asyncio.AsyncEngine"}

# Package -> what it never imports.
NEVER = {"audit": {"gateway", "adapters", "schemas"}, "adapters": {"lxml", "sqlalchemy"}}

# Values in, values out: no waiting, no clock, no SQL, no log.
PURE = (
    "gateway/agreed/consents.py",
    "gateway/agreed/contract_paper.py",
    "gateway/agreed/contracts.py",
    "gateway/agreed/document.py",
    "gateway/agreed/order_paper.py",
    "gateway/agreed/orders.py",
    "gateway/agreed/sight.py",
    "gateway/agreed/template.py",
    "gateway/agreed/told.py",
    "gateway/agreed/words.py",
    "gateway/catalog.py",
    "gateway/shapes.py",
    "gateway/check.py",
    "gateway/codes.py",
    "gateway/answer.py",
    "gateway/compose.py",
    "gateway/convert.py",
    "gateway/decide.py",
    "gateway/explain.py",
    "gateway/flow.py",
    "gateway/forms.py",
    "gateway/gate.py",
    "gateway/grammar.py",
    "gateway/judge.py",
    "gateway/ledger/*.py",
    "gateway/message.py",
    "gateway/orders/asked.py",
    "gateway/orders/cascade.py",
    "gateway/orders/division.py",
    "gateway/orders/involved.py",
    "gateway/orders/listed.py",
    "gateway/orders/referral.py",
    "gateway/orders/standing.py",
    "gateway/orders/told.py",
    "gateway/oversight/incidents.py",
    "gateway/oversight/register.py",
    "gateway/oversight/signals.py",
    "gateway/oversight/rights.py",
    "gateway/oversight/lines.py",
    "gateway/oversight/person.py",
    "gateway/oversight/purposes.py",
    "gateway/oversight/question.py",
    "gateway/oversight/withheld.py",
    "gateway/places.py",
    "gateway/receipt.py",
    "gateway/register/allowed.py",
    "gateway/register/fold.py",
    "gateway/register/forms.py",
    "gateway/register/papers.py",
    "gateway/register/told.py",
    "gateway/register/values.py",
    "gateway/retention/decide.py",
    "gateway/retention/forms.py",
    "gateway/retention/policy.py",
    "gateway/scenario/agreed.py",
    "gateway/scenario/answers.py",
    "gateway/scenario/check.py",
    "gateway/scenario/classes.py",
    "gateway/scenario/delivered.py",
    "gateway/scenario/messages.py",
    "gateway/scenario/outcome.py",
    "gateway/scenario/pen.py",
    "gateway/scenario/plan.py",
    "gateway/scenario/report.py",
    "gateway/scenario/values.py",
    "gateway/rules/*.py",
    "gateway/survey.py",
    "gateway/terms/band.py",
    "gateway/terms/decide.py",
    "gateway/trail.py",
    "gateway/werkdagen.py",
    "gateway/words.py",
    "gateway/write.py",
    "audit/catalogue.py",
    "audit/drill.py",
    "audit/entry.py",
    "audit/folder.py",
    "audit/note.py",
    "audit/policy.py",
    "audit/proof.py",
    "audit/report.py",
    "audit/seal.py",
    "audit/tree.py",
    "audit/verify/*.py",
    "audit/witness.py",
)
IMPURE_IMPORTS = {"asyncio", "logging", "sqlalchemy", "aiohttp", "socket", "subprocess", "threading", "time"}
WAITING = (ast.Await, ast.AsyncFor, ast.AsyncWith)
CLOCK = {"now", "utcnow", "today"}

# The verifier is for strangers: Python, and the one library that checks a signature.
VERIFIER_NEEDS = {"audit", "cryptography"}

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60


def modules() -> list[str]:
    return sorted(str(p.relative_to(ROOT)) for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imported(module: str) -> set[str]:
    """Full dotted names of everything that a module imports, wherever in it."""
    nodes = list(ast.walk(tree_of(module)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return names | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def locked(lock: str) -> set[str]:
    """Names of the distributions in a lock file."""
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE))


def pure_modules() -> list[str]:
    return [str(p.relative_to(ROOT)) for pattern in PURE for p in sorted(ROOT.glob(pattern))]


def is_promise(function: ast.AsyncFunctionDef) -> bool:
    """A port's method: words and no deeds."""
    return all(isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant) for step in function.body)


def reachable(module: str) -> set[str]:
    """Top names of all that a module imports, and of all that its own package's modules import in turn."""
    seen, waiting, names = set(), [module], set()
    while waiting:
        current = waiting.pop()
        seen.add(current)
        found = imported(current)
        names |= tops(found)
        dotted = [name.split(".") for name in found]
        paths = {f"{'/'.join(parts[:count])}.py" for parts in dotted for count in range(2, len(parts) + 1)}
        paths |= {f"{'/'.join(parts[:count])}/__init__.py" for parts in dotted for count in range(2, len(parts) + 1)}
        waiting += [path for path in paths if (ROOT / path).exists() and path not in seen]
    return names


@pytest.mark.parametrize(("what", "where"), ONLY_IN.items())
def test_a_library_is_known_only_where_it_belongs(what, where):
    users = {module for module in modules() if what in tops(imported(module) - TYPES_OF_A_STEP)}
    own = {module for module in users if module.startswith(f"{what}/")}
    assert users - own <= where


@pytest.mark.parametrize(("package", "strangers"), NEVER.items())
def test_imports_go_one_way(package, strangers):
    for module in modules():
        if module.startswith(f"{package}/"):
            assert not strangers & tops(imported(module)), module


@pytest.mark.parametrize("module", pure_modules())
def test_pure_modules_take_values_and_return_values(module):
    assert not IMPURE_IMPORTS & tops(imported(module))
    for node in ast.walk(tree_of(module)):
        waits = isinstance(node, WAITING) or (isinstance(node, ast.AsyncFunctionDef) and not is_promise(node))
        reads_clock = isinstance(node, ast.Attribute) and node.attr in CLOCK
        assert not waits, f"line {node.lineno} waits"
        assert not reads_clock, f"line {node.lineno} reads the clock"


@pytest.mark.parametrize("module", ["audit/verify/__main__.py", "audit/proof.py"])
def test_the_verifier_needs_nothing_of_the_gateway(module):
    standard = set(sys.stdlib_module_names)
    assert reachable(module) - standard <= VERIFIER_NEEDS


# Import -> what it must not load: a command that is run once per file starts fast or is not run, and a gateway runs
# without the parts of what only some install.
FOR_PAGES = {"jinja2", "joserfc", "xlsxwriter"}
FOR_SOME = {"pkcs11", "typst", "rfc3161_client"}
LIGHT = {
    "gateway.cli": {"lxml", "aiohttp", "sqlalchemy", "cryptography"} | FOR_PAGES | FOR_SOME,
    "gateway.check": {"aiohttp", "sqlalchemy", "cryptography", "asyncio"} | FOR_PAGES | FOR_SOME,
    "gateway.validate": {"aiohttp", "sqlalchemy", "cryptography"} | FOR_PAGES | FOR_SOME,
    "audit.verify": {"aiohttp", "sqlalchemy", "lxml", "gateway"} | FOR_PAGES | FOR_SOME,
    "gateway.serve": FOR_SOME,
    "gateway.demo": FOR_SOME,
}


@pytest.mark.parametrize(("module", "heavy"), LIGHT.items())
def test_a_command_loads_only_what_it_needs(module, heavy):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


def test_what_is_for_tests_only_is_imported_by_nothing_that_ships():
    extras = PROJECT["optional-dependencies"]
    some = {re.match(r"[a-z0-9-]+", each)[0] for extra in extras.keys() - {"test"} for each in extras[extra]}
    ships = some | locked("requirements.lock")
    owners = packages_distributions()
    for module in modules():
        for name in tops(imported(module)) - set(sys.stdlib_module_names) - {*PACKAGES, "schemas"}:
            owned = {owner.lower().replace("_", "-") for owner in owners.get(name, ())}
            assert owned & ships, f"{module} imports {name}, which an installed gateway lacks"


def test_schemas_hold_no_code():
    assert not list((ROOT / "schemas").rglob("*.py"))


@pytest.mark.parametrize("module", modules())
def test_a_module_is_read_in_one_sitting(module):
    assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    for node in ast.walk(tree_of(module)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("module", modules())
def test_every_module_opens_with_what_it_owns(module):
    assert ast.get_docstring(tree_of(module))


def test_no_other_distribution_owns_our_package_names():
    """Installing a stranger's ``adapters`` or ``audit`` would silently overwrite ours (ADR 0009)."""
    owners = packages_distributions()
    for name in (*PACKAGES, "schemas"):
        assert set(owners.get(name, [])) <= {"ketenpoort"}


def test_the_drawing_names_every_module():
    drawing = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    parts = {module for module in modules() if not module.endswith("__init__.py")}
    named = {m for m in parts if f"`{m}`" in drawing or f"`{Path(m).parent}/`" in drawing.partition("## Modules")[2]}
    assert not parts - named, "name them in docs/architecture.md, with their promise"


def test_the_drawing_names_nothing_that_is_not_there():
    drawing = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:gateway|adapters|audit)/[a-z_/.]+)`", drawing):
        assert (ROOT / name).exists(), name


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_readme_points_only_at_what_exists():
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def commands(page: str) -> list[str]:
    """What a page tells to type after ``ketenpoort``: in its code blocks and between backticks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^    \.venv/bin/ketenpoort (.*)$", text, flags=re.MULTILINE)
    return blocks + re.findall(r"`(?:\.venv/bin/)?ketenpoort ([^`]+)`", text)


@pytest.mark.parametrize("line", [*commands("README.md"), *commands("docs/operations.md")])
def test_what_the_pages_tell_to_type_is_a_command(line):
    words = shlex.split(line.partition("|")[0], comments=True)
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            cli.main(words)
    else:
        cli._parser().parse_args(words)


def test_what_the_readme_tells_to_make_can_be_made():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(
        r"^    make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    ):
        assert f"\n{target}:" in makefile


def test_operations_explains_every_setting():
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (`.*?) \|", page.partition("Settings, in")[2].partition("**SQLite or")[0], flags=re.MULTILINE
    )
    assert sorted(re.findall(r"`([a-z]+)`", " ".join(rows))) == sorted(settings._NAMES.values())


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["dependencies"]),
        ("requirements-test.lock", itertools.chain(*PROJECT["optional-dependencies"].values())),
    ],
)
def test_the_locks_know_every_dependency(lock, wanted):
    assert {re.match(r"[a-z0-9-]+", each)[0] for each in wanted} <= locked(lock) | {"ketenpoort"}, "run: make lock"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_names_no_host_and_a_hash_for_everything(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    for requirement in re.split(r"\n(?=[a-z])", text):
        assert "--hash=sha256:" in requirement, requirement[:40]
