"""Conditional writes and deletes: which servers honour them, and what a client that loses an answer makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import fsspec
import pytest

from steel_toes.errors import StoreError
from steel_toes.stores.base import Store
from steel_toes.stores.conditions import conditions_of
from steel_toes.stores.objects import ObjectStore
from steel_toes.stores.opening import open_store
from steel_toes.stores.s3 import S3Store
from support.effort import slow_but
from support.google import GoogleProxy
from support.proxy import Proxy
from support.servers import of_user

HONOUR = slow_but({"moto"}, {name: (name,) for name in ("moto", "weed", "gcs", "azurite")})


@dataclass
class Bucket:
    """A new bucket behind a proxy, and the store in it."""

    store: Store
    proxy: Proxy
    name: str

    def path(self, key: str) -> str:
        """Of an object in it."""
        return f"{self.name}/{key}"


def bucket_of(server: str, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """A new bucket on a server."""
    found = request.getfixturevalue(server)
    with (GoogleProxy if server == "gcs" else Proxy)(found.url) as proxy:
        behind = replace(found, url=proxy.url)
        name = f"conditions-{abs(hash(request.node.name)) % 10**8}"
        credentials = of_user("admin")(proxy.url) if found.protocol == "s3" else behind.credentials
        fsspec.filesystem(found.protocol, **credentials).mkdir(name)
        store = open_store("flights", found.protocol, {"credentials": behind.credentials})
        proxy.log.clear()
        yield Bucket(store, proxy, name)


@pytest.fixture(params=HONOUR)
def bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """A bucket whose server honours conditions."""
    yield from bucket_of(request.param, request)


def word_on(bucket: Bucket) -> str:
    """What is known of its server."""
    assert isinstance(bucket.store, ObjectStore)
    return conditions_of(bucket.store._endpoint, bucket.name).word


def test_write(bucket: Bucket) -> None:
    """A write is refused unless the object is the one that was read; its answer has the stamp of what was put."""
    store, path = bucket.store, bucket.path("a/ä b+c%7B{x}#1.json")
    assert store.read_stamped(path) == (None, "")
    first = store.write_stamped(path, b"1", "")
    assert first
    assert store.read_stamped(path) == (b"1", first)
    assert store.write_stamped(path, b"2", "") is None
    second = store.write_stamped(path, b"\n--==0==--\n\x00\xff", first)
    assert second not in (None, first)
    assert store.write_stamped(path, b"3", first) is None
    assert store.write_stamped(bucket.path("gone"), b"3", first) is None
    assert store.read_stamped(path) == (b"\n--==0==--\n\x00\xff", second)


def test_each_is_one_request(bucket: Bucket) -> None:
    """The first write of a process asks, with one more, whether the server honours conditions; no other does."""
    store, path = bucket.store, bucket.path("a.json")
    assert (word_on(bucket), store.has_conditions(path)) == ("unknown", True)
    stamp = store.write_stamped(path, b"1", "") or ""
    assert (word_on(bucket), len(bucket.proxy.log)) == ("honoured", 2)
    store.read_stamped(path)
    stamp = store.write_stamped(path, b"2", stamp) or ""
    assert store.delete_stamped(path, stamp)
    assert len(bucket.proxy.log) == 5


def test_delete(bucket: Bucket) -> None:
    """An object is deleted only as it was read; one that is gone is no error."""
    store, path = bucket.store, bucket.path("a.json")
    first = store.write_stamped(path, b"1", "") or ""
    second = store.write_stamped(path, b"2", first) or ""
    assert not store.delete_stamped(path, first)
    assert store.read(path) == b"2"
    assert store.delete_stamped(path, second)
    assert store.delete_stamped(path, second)
    assert store.read(path) is None


def test_remove_unchanged(bucket: Bucket) -> None:
    """Of many objects those go that are as they were; those that were written since stay, and are named."""
    store = bucket.store
    paths = [bucket.path(f"data/{name}.txt") for name in ("a*b", "b", "c", "gone")]
    for path in paths:
        store.write(path, b"planned")
    identities = {path: store.identity(path) or "" for path in paths}
    store.write(paths[1], b"saved since")
    store.remove(paths[3])
    store.write_stamped(bucket.path("r.json"), b"1", "")  # it is known then that conditions are honoured
    assert store.remove_unchanged(identities) == [paths[1]]
    assert store.files(bucket.path("data")).keys() == {"b.txt"}


@pytest.mark.slow
def test_bulk_deletion_that_is_refused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that was written between the look and the deletion stays, where the server compares, and is named."""
    for bucket in bucket_of("weed", request):
        store, paths = bucket.store, [bucket.path("a"), bucket.path("b")]
        for path in paths:
            store.write(path, b"planned")
        identities = {path: store.identity(path) or "" for path in paths}
        store.write(paths[1], b"saved since")
        monkeypatch.setattr(S3Store, "_still_there", lambda _, identities: (list(identities), []))
        assert store.remove_unchanged(identities) == [paths[1]]
        assert store.files(bucket.name).keys() == {"b"}


def test_bulk_deletion_that_fails(moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that the server does not let go is an error; one that is gone is none."""
    store = open_store("flights", "s3", {"credentials": moto.credentials})
    store._filesystem.mkdir("conditions-bulk")
    store.write("conditions-bulk/a", b"1")
    identities = {"conditions-bulk/a": store.identity("conditions-bulk/a") or ""}
    for code, fails in (("AccessDenied", True), ("NoSuchKey", False)):
        answer = {"Errors": [{"Key": "a", "Code": code, "Message": "As planned."}]}
        monkeypatch.setattr(S3Store, "_delete_objects", lambda *_, answer=answer: answer)
        if fails:
            with pytest.raises(StoreError, match="AccessDenied As planned"):
                store.remove_unchanged(identities)
        else:
            assert store.remove_unchanged(identities) == []


@pytest.mark.parametrize("verb", ["write", "delete"])
def test_lost_answer(bucket: Bucket, verb: str) -> None:
    """The client asks again when an answer is lost, and meets its own object: what lies there decides."""
    store, path = bucket.store, bucket.path("a.json")
    stamp = store.write_stamped(path, b"1", "") or ""
    if verb == "write":
        lost = bucket.proxy.strike("lost", "PUT", "", 1, 1)
        stamp = store.write_stamped(path, b"2", stamp) or ""
        assert store.read_stamped(path) == (b"2", stamp)
    else:
        lost = bucket.proxy.strike("lost", "DELETE", "", 1, 1)
        assert store.delete_stamped(path, stamp)
        assert store.read(path) is None
    assert lost.hits == 1


def test_refusals_are_errors(bucket: Bucket) -> None:
    """A missing bucket and a refusal of the credentials are no refusals of a condition."""
    store = bucket.store
    with pytest.raises(StoreError):
        store.write_stamped("conditions-missing/a.json", b"1", "")
    bucket.proxy.strike("403", "PUT", "")
    with pytest.raises(StoreError):
        store.write_stamped(bucket.path("a.json"), b"1", "")


@pytest.mark.slow
def test_ignored(request: pytest.FixtureRequest) -> None:
    """A server that takes conditions and ignores them is recognised by the first write, which still counts."""
    for bucket in bucket_of("rclone", request):
        store, path = bucket.store, bucket.path("a.json")
        assert store.has_conditions(path)
        assert store.write_stamped(path, b"1", "")
        assert (word_on(bucket), store.has_conditions(path), store.read(path)) == ("ignored", False, b"1")
        identities = {path: store.identity(path) or ""}
        store.write(path, b"another")
        assert store.remove_unchanged(identities) == [path]
        assert store.remove_unchanged({path: store.identity(path) or ""}) == []


def answering(monkeypatch: pytest.MonkeyPatch, store: Store, refused: dict[str, str], error: type[Exception]) -> None:
    """Let a call of S3 with one of these parameters, each of a method, raise an error."""
    s3 = type(store._filesystem)
    call = s3.call_s3

    def call_or_raise(self, method, *arguments, **parameters):
        if any(name in parameters for name, of in refused.items() if of == method):
            raise error
        return call(self, method, *arguments, **parameters)

    monkeypatch.setattr(s3, "call_s3", call_or_raise)


class ParamValidationError(Exception):
    """botocore's, for a parameter that it does not know."""


class NotImplementedByServerError(Exception):
    """What botocore makes of a 501."""

    response = {"ResponseMetadata": {"HTTPStatusCode": 501}}  # noqa: RUF012


def test_a_client_that_knows_no_conditions(moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old client is as a server that ignores conditions: the write counts, and nothing relies on it."""
    store = open_store("flights", "s3", {"credentials": moto.credentials})
    store._filesystem.mkdir("conditions-old")
    unknown = {"IfMatch": "put_object", "IfNoneMatch": "put_object"}
    answering(monkeypatch, store, unknown, ParamValidationError)
    assert store.write_stamped("conditions-old/a", b"1", "") == ""
    assert (store.read("conditions-old/a"), store.has_conditions("conditions-old/a")) == (b"1", False)


def test_a_child_asks_itself(moto) -> None:
    """A child that was forked while another thread asked does not wait for that thread, which it does not have."""
    conditions = conditions_of("http://127.0.0.1:1", "conditions-fork")
    with conditions.asking:
        child = os.fork()
        if not child:
            os._exit(0 if conditions.asking.acquire(timeout=5) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_server_that_knows_no_conditional_deletes(moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """There an object is looked at right before it is deleted."""
    store = open_store("flights", "s3", {"credentials": moto.credentials})
    store._filesystem.mkdir("conditions-501")
    answering(monkeypatch, store, {"IfMatch": "delete_object"}, NotImplementedByServerError)
    first = store.write_stamped("conditions-501/a", b"1", "") or ""
    second = store.write_stamped("conditions-501/a", b"2", first) or ""
    assert not store.delete_stamped("conditions-501/a", first)
    assert store.delete_stamped("conditions-501/a", second)
    assert store.read("conditions-501/a") is None


@pytest.mark.parametrize("others", [0, 700, pytest.param(4_000, marks=pytest.mark.long)])
def test_remove_unchanged_among_others(bucket: Bucket, others: int) -> None:
    """Of many objects what lies there is listed, as long as that leads past few others; each other object stays."""
    if bucket.store.protocol != "s3":
        pytest.skip("other stores compare each object themselves")
    paths = [bucket.path(f"data/{number:05}.csv") for number in range(0, others + 60, max(1, (others + 60) // 30))]
    filesystem = bucket.store._filesystem
    filesystem.pipe({bucket.path(f"data/{number:05}.csv"): b"another's" for number in range(others + 60)})
    filesystem.pipe(dict.fromkeys(paths, b"ours"))
    identities = {path: bucket.store.identity(path) or "" for path in paths}
    filesystem.pipe_file(paths[3], b"changed since")
    filesystem.rm_file(paths[5])
    bucket.proxy.clear()
    assert bucket.store.remove_unchanged(identities) == [paths[3]]
    kinds = [line.split(" ")[0] for line in bucket.proxy.log]
    # And the one that is gone is asked for: what a listing does not show is no proof.
    assert kinds.count("LIST") == {0: 1, 700: 1, 4_000: 3}[others] + 1
    assert (kinds.count("HEAD") > 1) == (others == 4_000)
    left = set(filesystem.find(bucket.path("data"), refresh=True))
    assert len(left) == others + 60 - len(paths) + 1
    assert paths[3] in left


def test_remove_unchanged_in_any_order(bucket: Bucket) -> None:
    """A server may list folder by folder, and not in the order of the keys: nothing is taken for gone."""
    paths = [bucket.path("p/a-x"), bucket.path("p/b.csv"), *(bucket.path(f"p/a/{number}") for number in range(14))]
    for path in paths:
        bucket.store.write(path, b"planned")
    identities = {path: bucket.store.identity(path) or "" for path in paths}
    bucket.store.write_stamped(bucket.path("r.json"), b"1", "")  # it is known then that conditions are honoured
    assert bucket.store.remove_unchanged(identities) == []
    assert not [name for name in bucket.store.files(bucket.path("p")) if name]
