"""examples/storage: each policy allows what its layout's copies need and nothing of main's; each rule is one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from steel_toes.naming.layout import Layout
from steel_toes.records.journal import AUDITS, CLAIMS
from steel_toes.records.record import record_path
from support.servers import DEVELOPERS, OpenServer
from support.team import SLUG

pytestmark = pytest.mark.repository

LAYOUTS = {
    "suffix": Layout("suffix"),
    "prefix": Layout("prefix"),
    "root": Layout("prefix", "s3://scratch/all"),
    "bucket": Layout("bucket"),
}
MAINS = ("s3://team-data/02/x.csv", "s3://team-data/03/model.pickle/v/model.pickle", "s3://team-data/x")


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "examples/storage"


def can(policy: Any, action: str, location: str) -> bool:
    """Whether AWS would allow it, by the rules with which moto plays AWS."""
    access_control = pytest.importorskip("moto.iam.access_control", reason="moto evaluates the policies")
    document = {"policy_document": json.dumps(policy)}
    arn = location.replace("s3://", "arn:aws:s3:::")
    permission = access_control.IAMPolicy(document).is_action_permitted(f"s3:{action}", arn)
    return bool(permission == access_control.PermissionResult.PERMITTED)


@pytest.mark.parametrize("name", LAYOUTS)
def test_policies(folder: Path, name: str) -> None:
    """A developer's reads all; it writes each copy and its record, and no main copy, no claim and no audit."""
    policy = json.loads((folder / f"developer.{name}.json").read_text())
    layout = LAYOUTS[name]
    records = layout.root or "s3://team-data"
    for main in MAINS:
        copy = layout.copy(main, SLUG)
        record = record_path(records, SLUG, main)
        locked = [main, f"{records}/_steel_toes/{CLAIMS}/0.json", f"{records}/_steel_toes/{AUDITS}/0.json"]
        assert can(policy, "GetObject", main)
        for action in ("PutObject", "DeleteObject"):
            assert can(policy, action, copy), copy
            assert can(policy, action, record), record
            assert [place for place in locked if can(policy, action, place)] == []
    assert can(policy, "ListBucket", "s3://team-data")


@pytest.mark.parametrize("name", LAYOUTS)
def test_they_are_what_is_tried(folder: Path, name: str) -> None:
    """What a policy lets a developer write of copies is what the key has with which a pipeline runs on SeaweedFS."""
    policy = json.loads((folder / f"developer.{name}.json").read_text())
    (writes,) = [part["Resource"] for part in policy["Statement"] if part["Sid"].startswith("Write")]
    copies = {text.removeprefix("arn:aws:s3:::") for text in writes if "_steel_toes" not in text}
    grants = [
        text.removeprefix("Write:").replace("guarded", "team-data") for text in DEVELOPERS[name] if "Write" in text
    ]
    # There a grant on a bucket is one on all that lies in it.
    assert copies == {f"{grant}/*" if grant.endswith("--*") and "/" not in grant else grant for grant in grants}
    table = (folder / "README.md").read_text()
    assert f"(developer.{name}.json)" in table
    (row,) = re.findall(rf"^.*developer\.{name}\.json.*$", table, re.MULTILINE)
    assert all(f"`{text.removeprefix('arn:aws:s3:::')}`" in row for text in writes)


def test_rules(folder: Path, open_moto: OpenServer) -> None:
    """The lifecycle rules are taken by a server, and concern the branches' copies and no main copy."""
    import fsspec

    rules = json.loads((folder / "expire.prefix.json").read_text())
    filesystem = fsspec.filesystem("s3", skip_instance_cache=True, **open_moto.credentials)
    filesystem.mkdir("expiring")
    filesystem.call_s3("put_bucket_lifecycle_configuration", Bucket="expiring", LifecycleConfiguration=rules)
    taken = filesystem.call_s3("get_bucket_lifecycle_configuration", Bucket="expiring")["Rules"]
    prefixes = [rule["Filter"]["Prefix"] for rule in taken if "Expiration" in rule]
    assert len(prefixes) == 1
    for main in MAINS:
        key = main.removeprefix("s3://team-data/")
        copy = Layout("prefix").copy(main, SLUG).removeprefix("s3://team-data/")
        assert (key.startswith(prefixes[0]), copy.startswith(prefixes[0])) == (False, True)
