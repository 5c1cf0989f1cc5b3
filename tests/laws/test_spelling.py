"""One spelling: a location is read as its dataset reads it, and a partition's id as the store spells it.

Each test asks plain Kedro, on a copy of main's objects in the same store, and the branch, the same things. Whatever it
does on the branch, the `team` fixture compares main's objects, with their etags, at its end.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.io import DatasetError

from steel_toes import SaveRefusedError
from support import servers
from support.places import OWN, V, answer
from support.proxy import Proxy
from support.team import NUMBERS, SLUG, Team, frame, shown

CSV = {"type": "pandas.CSVDataset", "save_args": {"index": False}, **OWN}
TEXT = {"type": "text.TextDataset", **OWN}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "filename_suffix": ".txt", **OWN}
INCREMENTS = {**PARTS, "type": "partitions.IncrementalDataset"}


def in_memory(request: pytest.FixtureRequest, folder: Path) -> Team:
    return Team(f"memory:///team-{next(NUMBERS)}", folder, protocol="memory")


def in_bucket(request: pytest.FixtureRequest, folder: Path) -> Team:
    return Team.in_bucket(request.getfixturevalue("moto"), folder).made()


def on_disk(request: pytest.FixtureRequest, folder: Path) -> Team:
    (folder / "data").mkdir()
    return Team(f"{folder}/data", folder)


TEAMS: dict[str, Callable[[pytest.FixtureRequest, Path], Team]] = {"memory": in_memory, "s3": in_bucket}


@pytest.fixture(params=TEAMS)
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    """A team in a store; main's objects are compared when the test ends."""
    team = TEAMS[request.param](request, tmp_path)
    yield team
    team.check()


@pytest.fixture
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    """A team in a bucket; main's objects are compared when the test ends."""
    team = in_bucket(request, tmp_path)
    yield team
    team.check()


class Twins:
    """A branch, and plain Kedro on a copy of main's objects in the same store: each step has one answer.

    Args:
        team: whose main has saved already.
        conf: of its entries.
    """

    def __init__(self, team: Team, conf: dict[str, Any]) -> None:
        self.team, self.conf = team, conf
        self.url = f"{team.url}-private-{next(NUMBERS)}"
        filesystem = team.filesystem()
        top = filesystem._strip_protocol(self.url)
        filesystem.mkdir(top)
        for path, (data, _) in team.main.items():
            filesystem.pipe_file(f"{top}/{path}", data)
        self.versions = iter(V[1:])
        self.reopen()

    def reopen(self) -> None:
        """Go on in a new process."""
        version = next(self.versions)
        self.private = self.team.plain(self.conf, version, where=self.url)
        self.branch = self.team.branch(self.conf, version)

    def agree(self, ask: Callable[[Any], Any]) -> Any:
        """The answer of both."""
        expected = self.moved(answer(lambda: ask(self.private)))
        assert answer(lambda: ask(self.branch)) == expected
        return expected

    def moved(self, data: Any) -> Any:
        """An answer, with the team's bucket for that of the copy: Kedro's ids have it in them after `s3://b//`."""
        if not isinstance(data, dict):
            return data
        private, own = (url.partition("://")[2] for url in (self.url, self.team.url))
        return {name.replace(private, own): value for name, value in data.items()}

    def look(self) -> dict[str, Any]:
        """What each entry loads, and whether it is there."""
        for name in self.conf:
            self.agree(lambda catalog, name=name: catalog.exists(name))
        return {name: self.agree(lambda catalog, name=name: catalog.load(name)) for name in self.conf}

    def save(self, name: str, data: Any) -> dict[str, Any]:
        """Save, and look in the same process and in a new one; what was loaded there."""
        self.agree(lambda catalog: catalog.save(name, data))
        self.look()
        self.reopen()
        return self.look()


def records(team: Team) -> list[dict[str, Any]]:
    """The branch's records."""
    return [
        json.loads(data)
        for path, (data, _) in team.objects().items()
        if f"_steel_toes/{SLUG}/" in path and path.endswith(".json")
    ]


def assert_recorded(team: Team) -> None:
    """The identities that the records hold are those of all objects that the branch has written, and of no others."""
    tags = {
        str(tag).strip('"')
        for path, (_, tag) in team.objects().items()
        if "_steel_toes/" not in path and f"--{SLUG}" in path
    }
    identities = [identity for record in records(team) for identity in record["data"].values()]
    assert {identity.rpartition("-")[2] for identity in identities} == tags
    assert len(identities) >= len(tags) > 0


# `{}` is the entry's own name.
SPELLINGS = ["data//02/{}", "data/02//{}", "data/./02/{}", "data/02/./{}", "data//./02/.//{}"]
ENTRIES: dict[str, tuple[dict[str, Any], str, Any, Any]] = {
    "csv": ({**CSV}, "x.csv", frame(1), frame(2, 3)),
    "versioned": ({**TEXT, "versioned": True}, "v.txt", "main", "branch"),
    "cached": ({"type": "CachedDataset", "dataset": TEXT}, "c.txt", "main", "branch"),
    "appended": ({**TEXT, "fs_args": {"open_args_save": {"mode": "a"}}}, "l.txt", "main ", "branch "),
    "partitions": ({**PARTS}, "p", {"a": "main", "b/c": "main"}, {"a": "branch", "d": "branch"}),
    "overwritten": ({**PARTS, "overwrite": True}, "o", {"a": "main", "b": "main"}, {"a": "branch"}),
    "increments": ({**INCREMENTS}, "i", {"a": "main", "b": "main"}, {"c": "branch"}),
}


def spelled(entry: dict[str, Any], path: str) -> dict[str, Any]:
    """An entry with its location."""
    if "dataset" in entry and "path" not in entry and entry["type"] == "CachedDataset":
        return {**entry, "dataset": {**entry["dataset"], "filepath": path}}
    parameter = "path" if "dataset" in entry else "filepath"
    return {**entry, parameter: path}


class TestLocations:
    """`//` and `/./` in the path of an object."""

    @pytest.mark.parametrize("spelling", SPELLINGS)
    @pytest.mark.parametrize("kind", ENTRIES)
    def test_as_plain_kedro(self, team: Team, kind: str, spelling: str) -> None:
        """Every answer is plain Kedro's, and the record is of the object that the dataset writes."""
        entry, name, old, new = ENTRIES[kind]
        conf = {"x": spelled(entry, spelling.format(name))}
        is_refused = kind in ("partitions", "overwritten", "increments") and spelling.startswith("data//")
        if is_refused and team.protocol == "s3":
            # Kedro saves them in one place and lists another: whole paths, which are no ids.
            with pytest.raises(SaveRefusedError, match="Two slashes follow its bucket"):
                team.branch(conf)["x"].save(new)
            return
        team.main_saves(conf, V[0], x=old)
        twins = Twins(team, conf)
        twins.look()
        twins.save("x", new)
        if kind == "increments":
            twins.agree(lambda catalog: catalog.confirm("x"))
            twins.look()
        twins.save("x", new)
        assert len(records(team)) == 1
        assert_recorded(team)

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_two_names_of_one_object(self, team: Team, spelling: str) -> None:
        """Two entries whose datasets write one object share its record: what one saves, the other loads."""
        conf = {"x": {**TEXT, "filepath": spelling.format("x.txt")}, "y": {**TEXT, "filepath": "data/02/x.txt"}}
        team.main_saves(conf, x="main")
        twins = Twins(team, conf)
        assert twins.save("x", "branch") == {"x": "branch", "y": "branch"}
        assert twins.save("y", "again") == {"x": "again", "y": "again"}
        assert len(records(team)) == 1
        assert_recorded(team)


class TestSchemes:
    """Other names of S3, with the entry's own credentials, while the environment has another S3's."""

    @pytest.fixture
    def other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
        """The other S3, which whoever has no endpoint of his own asks; its log is empty."""
        folder = tmp_path / "other"
        folder.mkdir()
        with servers.moto(folder) as server, Proxy(server.url) as proxy:
            environment = {"AWS_ENDPOINT_URL": proxy.url, "AWS_ACCESS_KEY_ID": "o", "AWS_SECRET_ACCESS_KEY": "o"}
            for variable, value in environment.items():
                monkeypatch.setenv(variable, value)
            fsspec.filesystem("s3", skip_instance_cache=True).exists("nothing/here")
            assert proxy.log
            proxy.log.clear()
            yield proxy

    @pytest.mark.parametrize(
        ("scheme", "kind"),
        [("s3a", "file"), ("s3a", "versioned"), ("s3a", "partitions"), ("s3n", "file"), ("s3n", "versioned")],
    )
    def test_it_is_asked_for_nothing(
        self, bucket: Team, other: Proxy, monkeypatch: pytest.MonkeyPatch, scheme: str, kind: str
    ) -> None:
        """The data and its record lie in the entry's store, beside each other; no request reaches the other."""
        # fsspec does not know it by itself.
        monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "s3n", fsspec.get_filesystem_class("s3"))
        entry, name, old, new = {
            "file": ({**TEXT}, "x.txt", "main", "branch"),
            "versioned": ({**TEXT, "versioned": True}, "v.txt", "main", "branch"),
            "partitions": ({**PARTS}, "p", {"a": "main"}, {"b": "branch"}),
        }[kind]
        conf = {"x": spelled(entry, f"{scheme}{bucket.url[2:]}/02/{name}")}
        bucket.main_saves(conf, V[0], x=old)
        branch = bucket.branch(conf, V[1])
        branch.save("x", new)
        expected = {"a": "main", "b": "branch"} if kind == "partitions" else new
        for catalog in (branch, bucket.branch(conf)):
            assert shown(catalog.load("x")) == expected
        assert other.log == []
        assert len(records(bucket)) == 1
        assert_recorded(bucket)

    def test_they_are_one_store(self, bucket: Team) -> None:
        """What is saved under one scheme is loaded under the other: the two entries share a record."""
        conf = {
            "x": {**TEXT, "filepath": "data/02/x.txt"},
            "y": {**TEXT, "filepath": f"s3a{bucket.url[2:]}/02/x.txt"},
        }
        bucket.main_saves(conf, x="main")
        for name in conf:
            branch = bucket.branch(conf)
            branch.save(name, f"branch {name}")
            for catalog in (branch, bucket.branch(conf)):
                assert {other: catalog.load(other) for other in conf} == dict.fromkeys(conf, f"branch {name}")
        assert len(records(bucket)) == 1
        assert_recorded(bucket)


IDS = ["./a", "s//b", "a/", "/a", "a/./b", "a/.", "*", "[1]", "100%", "%2F", "a b", "é", "--", "a--other"]


class TestIds:
    """A partition's id is what the store makes of it."""

    @pytest.mark.parametrize("suffix", [".txt", ""])
    @pytest.mark.parametrize("partition_id", IDS)
    def test_as_plain_kedro(self, team: Team, partition_id: str, suffix: str) -> None:
        """Every answer is plain Kedro's, for an id that main has under another spelling or under its own."""
        conf = {"x": {**PARTS, "path": "data/p", "filename_suffix": suffix}}
        team.main_saves(conf, x={partition_id: "main", "z": "main"})
        twins = Twins(team, conf)
        twins.look()
        twins.save("x", {partition_id: "branch", "y": "branch"})
        # Many are looked up in another way than few.
        more = {f"m{number}": "more" for number in range(12)}
        twins.save("x", {partition_id: "again", **more})

    def test_not_utf_8(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """A file whose name is no text in UTF-8 is a partition as any other, where the disk has such names."""
        team = on_disk(request, tmp_path)
        name = os.fsdecode(b"caf\xe9")
        conf = {"x": {**PARTS, "path": "data/p"}}
        try:
            team.main_saves(conf, x={name: "main", "z": "main"})
        except OSError:
            pytest.skip("this disk has no such names")
        branch = team.branch(conf)
        assert shown(branch.load("x")) == {name: "main", "z": "main"}
        # The second save's record holds the first's.
        for text in ("branch", "again"):
            branch.save("x", {name: text, f"{name}2": text})
            for catalog in (branch, team.branch(conf)):
                assert shown(catalog.load("x")) == {name: text, f"{name}2": text, "z": "main"}
        team.check()

    @pytest.mark.parametrize("main", ["a", "a/b", "z"])
    @pytest.mark.parametrize("order", [["a", "a/b"], ["a/b", "a"]], ids=" then ".join)
    def test_an_object_beside_a_folder(self, bucket: Team, main: str, order: list[str]) -> None:
        """A bucket has `a` beside `a/b`: neither hides the other, whatever main has and whichever was saved first."""
        conf = {"x": {**PARTS, "path": "data/p", "filename_suffix": ""}}
        bucket.main_saves(conf, x={main: "main"})
        expected = {main: "main"}
        for partition_id in order:
            branch = bucket.branch(conf)
            branch.save("x", {partition_id: "branch"})
            expected[partition_id] = "branch"
            # Not plain Kedro's: s3fs takes an object for a folder after it has listed both.
            for catalog in (branch, bucket.branch(conf)):
                assert shown(catalog.load("x")) == expected
        assert_recorded(bucket)


class TestLeadingOut:
    """`..` is refused before anything is written, in every store and whatever the dataset library does."""

    @pytest.mark.parametrize("partition_id", ["../a", "x/../z", "a/..", "..", "x//../../z"])
    @pytest.mark.parametrize("kind", [PARTS, INCREMENTS])
    def test_an_id(self, team: Team, kind: dict[str, Any], partition_id: str) -> None:
        """Not even the partitions that stand before it are written."""
        conf = {"x": {**kind, "path": "data/p"}}
        team.main_saves(conf, x={"z": "main"})
        branch = team.branch(conf)
        before = team.objects()
        with pytest.raises(DatasetError, match=r"has `\.\.` in it"):
            branch["x"].save({"a": "branch", partition_id: "branch"})
        assert team.objects() == before

    @pytest.mark.parametrize("suffix", ["/../z.txt", "/..", "/../../elsewhere/z.txt"])
    def test_a_suffix(self, team: Team, suffix: str) -> None:
        """The same where the suffix has it."""
        conf = {"x": {**PARTS, "path": "data/p", "filename_suffix": suffix}}
        before = team.objects()
        with pytest.raises(DatasetError, match=r"has `\.\.` in it"):
            team.branch(conf)["x"].save({"a": "branch"})
        assert team.objects() == before

    @pytest.mark.parametrize("mark", ["data/mark", "data/p/../mark", "data/p/deep/../mark", "data/p-other/mark"])
    def test_a_checkpoint(self, team: Team, mark: str) -> None:
        """A checkpoint outside of the directory, or with `..` inside of it; neither save nor confirm writes."""
        conf = {"x": {**INCREMENTS, "path": "data/p", "checkpoint": {"filepath": mark}}}
        team.main_saves({"x": {**INCREMENTS, "path": "data/p"}}, x={"a": "main"})
        before = team.objects()
        with pytest.raises(DatasetError, match="outside"):
            team.branch(conf)["x"].save({"b": "branch"})
        with pytest.raises(DatasetError, match="outside"):
            team.branch(conf)["x"].confirm()
        assert team.objects() == before
