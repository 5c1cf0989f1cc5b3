"""Git, as somebody types it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and give its output."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def switch(folder: Path, branch: str) -> None:
    """Be on a branch, which is made if need be."""
    exists = git(folder, "branch", "--list", branch)
    git(folder, "switch", "-q", *([] if exists else ["-c"]), branch)
