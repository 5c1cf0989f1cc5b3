"""Layout "bucket": a branch's copies in a bucket of its own, on a real S3 server (moto, on the loopback)."""

import re

import pytest

pytest.importorskip("moto.server", reason="S3 in the tests is moto's server: moto[server] and s3fs")
s3fs = pytest.importorskip("s3fs", reason="S3 needs s3fs")

from kedro.io import DataCatalog  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from steel_toes import SteelToes  # noqa: E402
from steel_toes.errors import BucketError, SaveRefusedError  # noqa: E402

MAIN, BUCKET = "team-data", "team-data--feature-x"
MARKER = f"{BUCKET}/_steel_toes/bucket"
KEY = "AKIAFORTESTSONLY"
SECRET = "a-secret-of-the-tests"


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(endpoint, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return {"key": KEY, "secret": SECRET, "client_kwargs": {"endpoint_url": endpoint}}


@pytest.fixture
def s3(credentials):
    """The server, with main's bucket; each test finds it empty, and leaves main's objects as main saved them."""
    fs = s3fs.S3FileSystem(**credentials, skip_instance_cache=True, use_listings_cache=False)
    for name in fs.ls(""):
        if fs.find(name):
            fs.rm(fs.find(name))
        fs.rmdir(name)
    fs.mkdir(MAIN)
    return fs


@pytest.fixture
def catalog(s3, credentials):
    conf = {
        "text": {"type": "text.TextDataset", "filepath": f"s3://{MAIN}/02/x.txt", "credentials": credentials},
        "parts": {
            "type": "partitions.PartitionedDataset",
            "path": f"s3://{MAIN}/parts",
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
    before = {name: s3.cat_file(name) for name in s3.find(MAIN)}
    yield make
    assert {name: s3.cat_file(name) for name in before} == before, "main's bytes changed"


def test_a_missing_bucket_is_not_made(catalog, s3):
    """Without create_buckets nothing is made: main is read, and the error of a save has the command that makes it."""
    branch = catalog()
    assert branch.load("text") == "main's"
    with pytest.raises(Exception, match=re.escape(f"aws s3 mb s3://{BUCKET}")):
        branch.save("text", "mine")
    assert s3.ls("") == [MAIN]
    assert catalog().load("text") == "main's"


def test_a_bucket_is_made_on_request_and_marked(catalog, s3):
    """With create_buckets the first save makes the bucket and its marker; loads then read the branch's copy."""
    branch = catalog(create_buckets=True)
    branch.save("text", "mine")
    branch.save("parts", {"b": "mine"})
    assert s3.cat_file(MARKER) == b"feature-x"
    assert s3.cat_file(f"{BUCKET}/02/x.txt") == b"mine"
    again = catalog()
    assert again.load("text") == "mine"
    assert {name: load() for name, load in again.load("parts").items()} == {"a": "main's", "b": "mine"}
    assert catalog("main").load("text") == "main's"


def test_a_marked_bucket_is_used(catalog, s3):
    """A bucket that somebody made and marked by hand is the branch's."""
    s3.mkdir(BUCKET)
    s3.pipe_file(MARKER, b"feature-x")
    catalog().save("text", "mine")
    assert catalog().load("text") == "mine"


def test_a_strangers_bucket_is_refused(catalog, s3):
    """A bucket without our marker may be a stranger's, who would get the data: nothing is written to it."""
    s3.mkdir(BUCKET)
    for settings in ({}, {"create_buckets": True}):
        with pytest.raises(Exception, match="A stranger may own the name"):
            catalog(**settings).save("text", "mine")
    assert s3.find(BUCKET) == []


def test_another_branchs_bucket_is_refused(catalog, s3):
    """A marker that names another branch is not ours."""
    s3.mkdir(BUCKET)
    s3.pipe_file(MARKER, b"Feature-X")
    with pytest.raises(Exception, match="Its marker is branch Feature-X's"):
        catalog().save("text", "mine")


def test_the_error_has_its_facts_and_no_secret(catalog):
    """The bucket and the dataset are attributes of the error; its text has no credentials."""
    dataset = catalog()["text"]
    with pytest.raises(BucketError) as failed:
        dataset.save("mine")
    assert (failed.value.dataset, failed.value.bucket) == ("text", f"s3://{BUCKET}")
    assert KEY not in str(failed.value)
    assert SECRET not in str(failed.value)


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
