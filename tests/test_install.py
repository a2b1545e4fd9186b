"""Installing tells in plain Dutch what is missing, and does nothing when nothing changed."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a space in its path, and a folder of programs in which Python can be made to lack things."""
    folder = tmp_path / "een map"
    (folder / "tools").mkdir(parents=True)
    for name in ("tools/install", "pyproject.toml", "requirements.lock", "start"):
        shutil.copy(ROOT / name, folder / name)
    programs = folder / "programs"
    programs.mkdir()
    for name in ("sh", "cat", "cmp", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    return folder


def python_that(checkout, script):
    program = checkout / "programs/python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def install(checkout):
    command = [checkout / "tools/install", "requirements.lock"]
    environment = {"PATH": str(checkout / "programs")}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_without_python_it_says_what_to_install(checkout):
    done = install(checkout)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_an_old_python_is_named(checkout):
    python_that(checkout, 'case "$*" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    done = install(checkout)
    assert done.returncode == 1
    assert "3.11 of nieuwer" in done.stderr
    assert "3.9.2" in done.stderr


def test_a_python_without_ensurepip_says_what_to_install(checkout):
    python_that(checkout, 'case "$*" in *ensurepip*) exit 1 ;; esac')
    done = install(checkout)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_nothing_happens_when_nothing_changed(checkout):
    (checkout / ".venv").mkdir()
    wanted = (checkout / "requirements.lock").read_text() + (checkout / "pyproject.toml").read_text()
    (checkout / ".venv/requirements.lock.done").write_text(wanted)
    done = install(checkout)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_lock_is_installed_again(checkout):
    (checkout / ".venv").mkdir()
    (checkout / ".venv/requirements.lock.done").write_text("an older lock")
    assert "installeren" in install(checkout).stderr
