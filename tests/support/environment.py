"""The environment of a test: what may stay of the caller's, and what is the same on every machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
"""The folder of README.md, examples/ and tests/."""

CALLERS = dict(os.environ)
"""The environment before a test takes it away: of the servers, and of what a run of the tests is asked to do."""

# A list of what may stay, since nobody knows the names of all variables by which a CI makes itself known.
KEPT = ("PATH", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USER", "LOGNAME", "VIRTUAL_ENV", "CURL_CA_BUNDLE")
KEPT_PREFIXES = (
    "LC_",
    "PYTEST_",
    "PYTHON",
    "PYENV_",
    "COV_",
    "COVERAGE_",
    "UV_",
    "PIP_",
    "SSL_",
    "REQUESTS_",
    "NODE_",
    "NPM_",
)

GIT_CONFIG = """
[user]
	name = A Tester
	email = tester@example.invalid
[init]
	defaultBranch = main
[commit]
	gpgSign = false
"""

# What the clients of servers on the loopback must be told. gcsfs waits a minute in each operation on an emulator, and
# asks Google when a token expires, unless told not to.
CLIENTS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "FETCH_RAW_TOKEN_EXPIRY": "false",
    "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
}


def isolate(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Give a test a home and a Git of its own, and take away whatever may name a branch or a CI."""
    for name in list(os.environ):
        if name not in KEPT and not name.startswith(KEPT_PREFIXES) and not name.lower().endswith("_proxy"):
            patch.delenv(name)
    (home / ".gitconfig").write_text(GIT_CONFIG)
    patch.setenv("HOME", str(home))
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    patch.setenv("DO_NOT_TRACK", "1")  # kedro-telemetry
    for name, value in CLIENTS.items():
        patch.setenv(name, value)
