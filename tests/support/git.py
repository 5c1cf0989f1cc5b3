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


def stop_rebase(folder: Path) -> None:
    """Have a rebase of the current branch stop at the commit of main, where it changes what main changes too."""
    branch = git(folder, "branch", "--show-current")
    for name in (branch, "main"):
        git(folder, "switch", "-q", name)
        (folder / "conflict").write_text(name)
        git(folder, "add", "conflict")
        git(folder, "commit", "-qm", "conflict")
    git(folder, "switch", "-q", branch)
    subprocess.run(["git", "rebase", "-q", "main"], cwd=folder, capture_output=True, check=False)
