"""Programs that some tests need and that pip does not bring: a browser, a token, a JavaScript engine.

On a developer's machine without them such a test is skipped and says what to install. Where ``CI`` is ``true`` they
must be there (``.ci/run`` installs them), and the test fails instead: there nothing is skipped in silence.
"""

import os
import shutil
from pathlib import Path

import pytest

PACKAGES = {
    "chromium": "chromium",
    "node": "nodejs",
    "npm": "npm",
    "softhsm2-util": "softhsm2",
    "libsofthsm2.so": "softhsm2",
}
"""What a test may ask for, and the Debian package that has it. ``.ci/run`` installs these packages."""

LIBRARIES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib/aarch64-linux-gnu/softhsm")
"""Where Debian keeps modules that are loaded and not run: they are on no PATH."""


def needs(name: str) -> Path:
    """Return where ``name`` of ``PACKAGES`` is; without it the test that asks is skipped, or fails if ``CI=true``."""
    package = PACKAGES[name]
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *LIBRARIES)), mode=os.F_OK)
    if found:
        return Path(found)
    reason = f"{name} is not on this machine: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
