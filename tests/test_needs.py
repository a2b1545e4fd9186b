"""A test that lacks a program is skipped by a developer, and fails where everything must be there."""

import subprocess
from pathlib import Path

import pytest

from tests.needs import NODE, NPM, PACKAGES, needs

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_developer_without_the_program_is_told_what_to_install(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        needs("chromium")


def test_where_all_must_be_there_a_missing_program_is_a_failure(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        needs("chromium")


def test_a_program_that_is_there_is_found(tmp_path):
    program = tmp_path / "chromium"
    program.touch(mode=0o755)
    assert needs("chromium") == program


@pytest.mark.parametrize("package", sorted(set(PACKAGES.values())))
def test_the_run_on_a_bare_machine_installs_what_tests_need(package):
    assert f" {package}\n" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_node_and_npm_come_with_the_test_dependencies():
    assert subprocess.check_output([NODE, NPM, "--version"], text=True).count(".") == 2
