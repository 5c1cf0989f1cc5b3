"""Layout "bucket": a branch's copies in a bucket of its own, on real servers of S3 and GCS on the loopback."""

import re

import fsspec
import pytest
from kedro.io import DataCatalog

from steel_toes import SteelToes
from steel_toes.errors import BucketError, SaveRefusedError, StoreError
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.opening import open_store

MAIN, BUCKET = "bucket-layout", "bucket-layout--feature-x"
MARKER = f"{BUCKET}/_steel_toes/bucket"


@pytest.fixture(params=["moto", "gcs"])
def server(request, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return request.getfixturevalue(request.param)


@pytest.fixture
def fs(server):
    """The server, with main's bucket; each test finds it empty, and leaves main's objects as main saved them."""
    fs = fsspec.filesystem(server.protocol, **server.credentials, skip_instance_cache=True, use_listings_cache=False)
    for name in {MAIN, BUCKET} & {found.rstrip("/") for found in fs.ls("")}:
        if fs.find(name):
            fs.rm(fs.find(name))
        fs.rmdir(name)
    fs.mkdir(MAIN)
    return fs


def buckets(fs):
    """Those of the server that are these tests'."""
    fs.invalidate_cache()
    return {MAIN, BUCKET} & {found.rstrip("/") for found in fs.ls("")}


@pytest.fixture
def catalog(fs, server):
    root, credentials = f"{server.protocol}://{MAIN}", server.credentials
    conf = {
        "text": {"type": "text.TextDataset", "filepath": f"{root}/02/x.txt", "credentials": credentials},
        "parts": {
            "type": "partitions.PartitionedDataset",
            "path": f"{root}/parts",
            "dataset": "text.TextDataset",
            "credentials": credentials,
        },
    }

    def make(branch="feature-x", **settings):
        catalog = DataCatalog.from_config(conf)
        SteelToes(branch=branch, layout="bucket", **settings).after_catalog_created(catalog)
        return catalog

    main = make("main")
    main.save("text", "main's")
    main.save("parts", {"a": "main's"})
    before = {name: fs.cat_file(name) for name in fs.find(MAIN)}
    yield make
    assert {name: fs.cat_file(name) for name in before} == before, "main's bytes changed"


def test_a_missing_bucket_is_not_made(catalog, fs, server):
    """Without create_buckets nothing is made: main is read, and the error of a save has the command that makes it."""
    branch = catalog()
    assert branch.load("text") == "main's"
    make = {"s3": "aws s3 mb s3", "gs": "gcloud storage buckets create gs"}[server.protocol]
    with pytest.raises(Exception, match=re.escape(f"{make}://{BUCKET}")):
        branch.save("text", "mine")
    assert buckets(fs) == {MAIN}
    assert catalog().load("text") == "main's"


def test_a_bucket_is_made_on_request_and_marked(catalog, fs):
    """With create_buckets the first save makes the bucket and its marker; loads then read the branch's copy."""
    branch = catalog(create_buckets=True)
    branch.save("text", "mine")
    branch.save("parts", {"b": "mine"})
    assert fs.cat_file(MARKER) == b"feature-x"
    assert fs.cat_file(f"{BUCKET}/02/x.txt") == b"mine"
    again = catalog()
    assert again.load("text") == "mine"
    assert {name: load() for name, load in again.load("parts").items()} == {"a": "main's", "b": "mine"}
    assert catalog("main").load("text") == "main's"


def test_a_marked_bucket_is_used(catalog, fs):
    """A bucket that somebody made and marked by hand is the branch's."""
    fs.mkdir(BUCKET)
    fs.pipe_file(MARKER, b"feature-x")
    catalog().save("text", "mine")
    assert catalog().load("text") == "mine"


def test_a_strangers_bucket_is_refused(catalog, fs):
    """A bucket without our marker may be a stranger's, who would get the data: nothing is written to it."""
    fs.mkdir(BUCKET)
    for settings in ({}, {"create_buckets": True}):
        with pytest.raises(Exception, match="A stranger may own the name"):
            catalog(**settings).save("text", "mine")
    assert fs.find(BUCKET) == []


def test_another_branchs_bucket_is_refused(catalog, fs):
    """A marker that names another branch is not ours."""
    fs.mkdir(BUCKET)
    fs.pipe_file(MARKER, b"Feature-X")
    with pytest.raises(Exception, match="Its marker is branch Feature-X's"):
        catalog().save("text", "mine")


def test_the_error_has_its_facts_and_no_secret(catalog, server):
    """The bucket and the dataset are attributes of the error; its text has no credentials."""
    dataset = catalog()["text"]
    with pytest.raises(BucketError) as failed:
        dataset.save("mine")
    assert (failed.value.dataset, failed.value.bucket) == ("text", f"{server.protocol}://{BUCKET}")
    assert server.secret not in str(failed.value)


def test_an_emptied_bucket_goes(catalog, fs, server):
    """A branch's bucket goes when its marker is all that is left in it; with anything else, or unmarked, it stays."""
    catalog(create_buckets=True).save("text", "mine")
    store = open_store("text", server.protocol, {"credentials": server.credentials})
    bucket = BranchBucket(store, f"{server.protocol}://{BUCKET}", "feature-x", create=False)
    bucket.discard()
    assert fs.cat_file(f"{BUCKET}/02/x.txt") == b"mine"
    fs.rm_file(f"{BUCKET}/02/x.txt")
    fs.pipe_file(MARKER, b"Feature-X")
    bucket.discard()
    assert buckets(fs) == {MAIN, BUCKET}
    fs.pipe_file(MARKER, b"feature-x")
    bucket.discard()
    assert buckets(fs) == {MAIN}


def test_a_bucket_that_cannot_go_keeps_its_marker(catalog, fs, server, monkeypatch):
    """Without its marker a bucket would be a stranger's from then on: it is put back if the bucket cannot go."""
    catalog(create_buckets=True).save("text", "mine")
    fs.rm_file(f"{BUCKET}/02/x.txt")
    store = open_store("text", server.protocol, {"credentials": server.credentials})
    bucket = BranchBucket(store, f"{server.protocol}://{BUCKET}", "feature-x", create=False)

    def refuse(filesystem, path):
        raise PermissionError(path)

    monkeypatch.setattr(type(fs), "rmdir", refuse)
    with pytest.raises(StoreError):
        bucket.discard()
    assert fs.cat_file(MARKER) == b"feature-x"
    monkeypatch.undo()
    catalog().save("text", "mine again")


def test_the_marker_of_a_branch_whose_name_is_no_text(fs, server):
    """Git's names are bytes: a bucket is marked for, and known by, a branch whose name is no UTF-8."""
    store = open_store("text", server.protocol, {"credentials": server.credentials})
    bucket = BranchBucket(store, f"{server.protocol}://{BUCKET}", "x\udcff", create=True)
    bucket.ensure()
    bucket.ensure()
    with pytest.raises(BucketError, match="marker"):
        BranchBucket(store, bucket.url, "x", create=True).ensure()
    bucket.discard()
    assert buckets(fs) == {MAIN}


def test_azure_is_refused(tmp_path):
    """Azure's container names forbid the delimiter: a save is refused, and the error names the other layout."""
    pytest.importorskip("adlfs", reason="Azure needs adlfs")
    azure = {"account_name": "x", "account_key": "eA=="}
    conf = {"text": {"type": "text.TextDataset", "filepath": "abfs://team-data/x.txt", "credentials": azure}}
    catalog = DataCatalog.from_config(conf)
    SteelToes(branch="feature-x", layout="bucket").after_catalog_created(catalog)
    with pytest.raises(SaveRefusedError, match="suffix"):
        catalog["text"].save("mine")


def test_a_local_file_takes_the_suffix(tmp_path):
    """A local path has no bucket: it is copied beside itself, as with layout "suffix"."""
    (tmp_path / "x.txt").write_text("main's")
    catalog = DataCatalog.from_config({"text": {"type": "text.TextDataset", "filepath": str(tmp_path / "x.txt")}})
    SteelToes(branch="feature-x", layout="bucket").after_catalog_created(catalog)
    catalog.save("text", "mine")
    assert (tmp_path / "x--feature-x.txt").read_text() == "mine"
    assert (tmp_path / "x.txt").read_text() == "main's"


def test_an_entry_in_a_listed_bucket(fs, server, tmp_path, monkeypatch):
    """A bucket that an entry lists as partitions has no directory to take a suffix, and needs none: it moves."""
    monkeypatch.chdir(tmp_path)
    root, shared = f"{server.protocol}://{MAIN}", {"credentials": server.credentials}
    conf = {
        "all": {"type": "partitions.PartitionedDataset", "path": f"{root}/02", "dataset": "text.TextDataset", **shared},
        "text": {"type": "text.TextDataset", "filepath": f"{root}/02/x.txt", **shared},
    }
    listing = {**conf["all"], "path": root}
    for listed in (conf["all"], listing):
        main = DataCatalog.from_config({**conf, "all": listed})
        main.save("text", "main's")
        before = {name: fs.cat_file(name) for name in fs.find(MAIN)}
        branch = DataCatalog.from_config({**conf, "all": listed})
        hook = SteelToes(branch="feature-x", layout="bucket", create_buckets=True, records=tmp_path / "records")
        hook.after_catalog_created(branch)
        branch.save("text", "the branch's")
        assert branch.load("text") == "the branch's"
        assert fs.cat_file(f"{BUCKET}/02/x.txt") == b"the branch's"
        assert {name: fs.cat_file(name) for name in fs.find(MAIN)} == before
        fs.rm([name for name in fs.find(BUCKET) if name != MARKER])
        for record in (tmp_path / "records").rglob("*.json"):
            record.unlink()


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", None])
def test_a_bucket_of_a_region(moto, region):
    """A bucket is made in the region of the credentials; the first of all may not be named as a constraint."""
    credentials = moto.credentials
    if region:
        credentials["client_kwargs"]["region_name"] = region
    store = open_store("x", "s3", {"credentials": credentials})
    name = f"region-{region or 'none'}"
    store.make_bucket(name)
    store.write(f"{name}/a", b"1")
    assert store.read(f"{name}/a") == b"1"
