"""Real users of one machine share a data folder: each saves on a branch, whatever the umask of the others."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog

from steel_toes import SteelToes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("useradd"),
        reason="NO OTHER USERS HERE: only root can make them, with useradd",
    ),
]

# Of this process: tests run side by side, and one that was killed leaves its own behind.
GROUP = f"st-team-{os.getpid()}"
ANN, BEN = f"st-ann-{os.getpid()}", f"st-ben-{os.getpid()}"
USERS = {ANN: 0o022, BEN: 0o077}


def catalog_of(folder: Path) -> DataCatalog:
    """Kedro's catalog of the data in a folder."""
    parts = {"type": "partitions.PartitionedDataset", "dataset": {"type": "text.TextDataset"}}
    config = {
        "notes": {"type": "text.TextDataset", "filepath": f"{folder}/notes.txt"},
        "parts": {**parts, "path": f"{folder}/parts"},
    }
    return DataCatalog.from_config(config)


def save_and_load(folder: Path, branch: str, name: str, *texts: str, **settings: str) -> str:
    """What a catalog of the branch loads after it has saved these texts."""
    catalog = catalog_of(folder)
    hook = SteelToes(branch=branch, **settings)
    hook.after_context_created(SimpleNamespace(project_path=folder.parent))
    hook.after_catalog_created(catalog)
    for text in texts:
        catalog.save(name, text if name == "notes" else {text: text})
    loaded = catalog.load(name)
    return loaded if name == "notes" else " ".join(sorted(loaded))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a branch needs: what is imported later, other users may not read."""
    own = tmp_path_factory.mktemp("own") / "data"
    own.mkdir()
    rooted = {"layout": "prefix", "root": f"{own.parent}/{{project}}", "project": "acme/flights"}
    for branch, settings in {"feature/x": {}, "feature/y": rooted}.items():
        save_and_load(own, branch, "notes", "x", **settings)
        save_and_load(own, branch, "parts", "x", **settings)


@pytest.fixture
def shared(imported: None, tmp_path_factory: pytest.TempPathFactory):
    """A folder that belongs to a group of two users, in which new files belong to the group too."""
    subprocess.run(["groupadd", GROUP], check=True)
    for user in USERS:
        subprocess.run(["useradd", "-m", "-G", GROUP, user], check=True)
    top = tmp_path_factory.mktemp("users")
    for folder in [top, *top.parents][:4]:
        folder.chmod(folder.stat().st_mode | 0o055)
    data = top / "data"
    data.mkdir()
    shutil.chown(data, "root", GROUP)
    data.chmod(0o2775)
    try:
        yield data
    finally:
        for user in USERS:
            subprocess.run(["userdel", "-r", "-f", user], check=False, capture_output=True)
        subprocess.run(["groupdel", GROUP], check=False, capture_output=True)


def run(user: str, data: Path, *arguments: str, **settings: str) -> str:
    """Save and load as a user, with that user's umask: in a fork, since a user may not read root's Python."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            account = pwd.getpwnam(user)
            os.initgroups(user, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.umask(USERS[user])
            os.environ.update(HOME=account.pw_dir, USER=user, LOGNAME=user)
            os.chdir(data)
            answer = save_and_load(data, *arguments, **settings)
        except BaseException:  # noqa: BLE001 - a fork that raised would go on as a second test run
            answer = traceback.format_exc()
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def test_each_on_a_branch(shared: Path) -> None:
    """Whoever saves first, with whatever umask, the other saves too, on another branch and on the same."""
    (shared / "notes.txt").write_text("main's")
    ann, ben = USERS
    assert run(ben, shared, "feature/ben", "notes") == "main's"
    assert run(ben, shared, "feature/ben", "notes", "ben's") == "ben's"
    assert run(ann, shared, "feature/ann", "notes") == "main's"
    assert run(ann, shared, "feature/ann", "notes", "ann's", "ann's again") == "ann's again"
    assert run(ben, shared, "feature/ben", "parts", "a") == "a"
    assert (shared / "notes.txt").read_text() == "main's"
    for record in shared.rglob("*.json"):
        assert record.stat().st_mode & 0o777 == 0o664
        assert record.group() == GROUP


def test_one_after_the_other(shared: Path) -> None:
    """Two users on one branch save different partitions of one dataset, and read each other's."""
    ann, ben = USERS
    (shared / "parts").mkdir()
    assert run(ann, shared, "feature/x", "parts", "a") == "a"
    (folder,) = shared.glob("parts--*")
    # Kedro makes the folder by its user's umask; the records are the team's whatever that is.
    shutil.chown(folder, None, GROUP)
    folder.chmod(0o2775)
    assert run(ben, shared, "feature/x", "parts", "b") == "a b"


def test_main_is_read_only(shared: Path) -> None:
    """Where nobody may write main's folder, branches live in a place of their own: `SteelToes(root=...)`."""
    (shared / "notes.txt").write_text("main's")
    (shared / "parts").mkdir()
    (shared / "parts/a").write_text("main's")
    for path in (shared / "parts", shared):
        path.chmod(0o555)
    scratch = shared.parent / "scratch"
    scratch.mkdir()
    shutil.chown(scratch, None, GROUP)
    scratch.chmod(0o2775)
    settings = {"layout": "prefix", "root": f"{scratch}/{{project}}", "project": "acme/flights"}
    ann, ben = USERS
    # Without a root a branch is impossible here, and the error says of what it lacks permission.
    denied = run(ann, shared, "feature/x", "notes", "ann's")
    assert "Permission denied" in denied, denied
    assert run(ann, shared, "feature/x", "notes", "ann's", **settings) == "ann's"
    assert run(ben, shared, "feature/x", "notes", **settings) == "ann's"
    answer = run(ben, shared, "feature/ben", "notes", "ben's", **settings)
    assert answer == "ben's", answer
    assert run(ann, shared, "feature/x", "parts", "b", **settings) == "a b"
    assert run(ben, shared, "feature/x", "parts", "c", **settings) == "a b c"
    assert run(ann, shared, "feature/y", "notes", **settings) == "main's"
    assert sorted(path.name for path in shared.rglob("*")) == ["a", "notes.txt", "parts"]
    assert (shared / "notes.txt").read_text() == (shared / "parts/a").read_text() == "main's"
    assert len(list(scratch.rglob("*.json"))) == 3
    shared.chmod(0o755)
    (shared / "parts").chmod(0o755)
