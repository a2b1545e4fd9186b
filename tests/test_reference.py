"""The generated page says what its sources say."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_reference_page_is_fresh():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools/reference.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    page = generator.PAGE.read_text(encoding="utf-8")
    assert page == generator.reference() + "\n", "run: make docs"
