"""The algebra of units: where each lies, whose it is, and what lists it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from steel_toes.records.record import NO_RECORD, Record
from steel_toes.records.units import WHOLE, Part, Parts, Versions, Whole, identities_of, units_of
from steel_toes.stores.identity import digest_of
from steel_toes.stores.local import LocalStore

V = ["2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"]


@dataclass(frozen=True)
class CountingStore(LocalStore):
    """The local disk, and what it was asked."""

    asked: list[str] = field(default_factory=list)

    def identity(self, path: str) -> str | None:
        self.asked.append("identity")
        return super().identity(path)

    def files(self, path: str) -> dict[str, str]:
        self.asked.append("files")
        return super().files(path)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore("flights", "the local disk")


def put(folder: Path, *names: str) -> str:
    """Write files, and give the folder's path."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return str(folder)


def record_of(**data: str) -> Record:
    """A complete record with these units."""
    return replace(NO_RECORD, id="1", kind="overlay", data=data)


@pytest.mark.parametrize(
    ("units", "unit", "path"),
    [
        (Whole(), WHOLE, "data/x--b.csv"),
        (Versions(), V[0], f"data/x--b.csv/{V[0]}/x--b.csv"),
        (Parts(), "a/b.csv", "data/x--b.csv/a/b.csv"),
        (Parts("sub"), "sub/b.csv", "data/x--b.csv/sub/b.csv"),
        (Parts(), WHOLE, "data/x--b.csv"),
        (Part("sub/b.csv"), "sub/b.csv", "data/x--b.csv/sub/b.csv"),
    ],
    ids=repr,
)
def test_where_a_unit_lies(units, unit, path):
    """A unit lies where the kind of the copy puts it; everybody who knows the kind of a record finds it."""
    assert units.path("data/x--b.csv", unit) == path
    assert units_of(units.kind).path("data/x--b.csv", unit) == path


@pytest.mark.parametrize(
    ("units", "own", "others"),
    [
        (Whole(), [WHOLE], ["a"]),
        (Versions(), V, []),
        (Parts(), ["a", "sub/a"], []),
        (Parts("sub"), ["sub/a", "sub/b/c"], ["a", "subway/a", "sub"]),
        (Part("sub/a"), ["sub/a"], ["a", "sub", "sub/ab", "sub/a/b"]),
    ],
    ids=repr,
)
def test_whose_a_unit_is(units, own, others):
    """An entry inside another's directory owns what lies in its own part of it, and nothing beside."""
    assert all(map(units.owns, own))
    assert not any(map(units.owns, others))


def test_owner():
    """A path is a unit, or lies in a directory that is one; an object beside `a/b` that is called `a` is none."""
    record = record_of(**{"folder": "s w 2:ab", "mixed": "s w ", "a.csv": "s w 3-ab"})
    assert Parts().owner(record, "folder/deep/x.csv") == "folder"
    assert Parts().owner(record, "mixed/deep/x.csv") == "mixed"
    assert Parts().owner(record, "a.csv") == "a.csv"
    assert Parts().owner(record, "a.csv/x.csv") == "a.csv/x.csv"
    assert Parts().owner(record, "new.csv") == "new.csv"
    assert Whole().owner(record, WHOLE) == WHOLE


def test_listed(store, tmp_path):
    """What lies in a copy is listed by the kind of the copy: one unit, each version, or each file of the entry's."""
    copy = put(tmp_path / "x--b.csv", "a.csv", "sub/b.csv", "folder/c.csv", "folder/d.csv")
    record = record_of(folder="s w 2:ab")
    assert set(Parts().listed(store, copy, record)) == {"a.csv", "sub/b.csv", "folder"}
    assert set(Parts("sub").listed(store, copy, record)) == {"sub/b.csv"}
    assert set(Part("a.csv").listed(store, copy, record)) == {"a.csv"}
    assert set(Part("gone.csv").listed(store, copy, record)) == set()
    assert set(Whole().listed(store, copy, record)) == {WHOLE}
    versions = put(tmp_path / "m.csv", f"{V[0]}/m.csv", f"{V[1]}/m.csv", f"{V[1]}/other.csv")
    assert set(Versions().listed(store, versions, record)) == set(V)


def test_base_of_versions(store, tmp_path):
    """Of versions main's newest is remembered, whatever is saved; of all else what is replaced."""
    versions = put(tmp_path / "m.csv", f"{V[0]}/m.csv", f"{V[1]}/m.csv")
    assert set(Versions().base(store, versions, ["anything"])) == {V[1]}
    assert Versions().base(store, str(tmp_path / "none"), ["anything"]) == {}
    parts = put(tmp_path / "p", "a", "b")
    assert set(Parts().base(store, parts, ["a", "new"])) == {"a"}


@pytest.mark.parametrize("number", [10, 11, 200])
def test_many_units_are_one_listing(store, tmp_path, number):
    """More than ten units are looked up in one listing, with the same answers; folders are asked for by themselves."""
    names = [f"{n:03}.csv" for n in range(number)]
    copy = put(tmp_path / "p", *names[:-2], "folder/x", "folder/deep/y")
    wanted = [*names[:-1], "folder", "gone/z"]
    identities = identities_of(Parts(), store, copy, wanted)
    asked = list(store.asked)
    assert identities == {name: store.identity(f"{copy}/{name}") for name in [*names[:-2], "folder"]}
    assert identities["folder"] == digest_of(store.files(f"{copy}/folder"))
    if len(wanted) > 10:
        assert asked == ["files", "identity", "files"]  # a folder's identity is a listing of its own
    else:
        assert asked.count("identity") == len(wanted)
