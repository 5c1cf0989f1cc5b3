"""Spellings of a location, and the directories that entries list: which one a copy takes the suffix on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.errors import LocationError
from steel_toes.naming.layout import Layout, contains_slug
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import listed_directory, outermost_directory, relative
from support.locations import bases, locations, main_names, slugs


@pytest.mark.parametrize(
    ("location", "normal"),
    [
        ("data/x.csv", "data/x.csv"),
        ("./data//./x.csv", "data/x.csv"),
        ("data/", "data"),
        ("", "."),
        ("./", "."),
        ("//data/x.csv", "/data/x.csv"),
        ("/", "/"),
        ("a/../x.csv", "a/../x.csv"),
        ("file:///data/x.csv", "/data/x.csv"),
        ("file:///C:/data/x.csv", "C:/data/x.csv"),
        ("local:///data/x.csv", "/data/x.csv"),
        ("file://a//x.csv", "file://a/x.csv"),
        ("memory://a/x.csv", "memory:///a/x.csv"),
        ("memory:///a/x.csv", "memory:///a/x.csv"),
        ("C:\\data\\x.csv", "C:/data/x.csv"),
        ("C://data/x.csv", "C:/data/x.csv"),
        ("s3a://b/x.csv", "s3://b/x.csv"),
        ("S3n://b//x.csv", "s3://b/x.csv"),
        ("gcs://b/x.csv", "gs://b/x.csv"),
        ("s3://b/", "s3://b"),
        ("s3://key:secret@b/x.csv", "s3://b/x.csv"),
        ("s3://b/x//y.csv?a=//", "s3://b/x/y.csv?a=//"),
        ("simplecache::s3a://b/x.csv", "s3://b/x.csv"),
        ("abfss://c@acct.dfs.core.windows.net/x", "abfss://c@acct.dfs.core.windows.net/x"),
        ("hdfs:///x", "hdfs:///x"),
    ],
)
def test_an_object_has_one_spelling(location: str, normal: str) -> None:
    """Spellings of one object have one normal form, and it is its own."""
    assert normalise(location) == normal
    assert normalise(normal) == normal


@given(st.one_of(locations, st.text(":/.\\aC~?=*s3@", max_size=12), st.text(max_size=8)))
def test_normalising_twice_changes_nothing(location: str) -> None:
    """The normal form of any text is its own normal form."""
    assert normalise(normalise(location)) == normalise(location)


@pytest.mark.parametrize(
    ("location", "lists", "directory"),
    [
        ("data/parts/*.csv", False, "data/parts"),
        ("data/parts/*.csv", True, "data/parts"),
        ("data/a*/b/c?.csv", False, "data"),
        ("s3://b/parts/p-[0-9].csv", False, "s3://b/parts"),
        ("s3://b/*.csv", False, "s3://b/"),
        ("*.csv", False, "."),
        ("/*.csv", False, "/"),
        ("data/parts", True, "data/parts"),
        ("data/parts/", False, "data/parts/"),
        ("s3://b/parts/?a=1", False, "s3://b/parts/"),
        ("s3://b/", False, "s3://b/"),
        ("s3://b", True, "s3://b"),
        ("", True, "."),
        ("data/x.csv", False, None),
        ("s3://b/x.csv?versionId=1", False, None),
        ("data/{name}/x.csv", False, None),
        ("data/{name}/*.csv", False, "data/{name}"),
    ],
)
def test_an_entry_lists_the_directory_before_its_glob_or_itself(
    location: str, lists: bool, directory: str | None
) -> None:
    """A glob lists the directory before it, a location that lists lists itself, any other lists nothing."""
    result = listed_directory(location, lists)
    assert result == directory or normalise(result or "") == normalise(directory or "")
    assert (result is None) == (directory is None)


@pytest.mark.parametrize(
    ("location", "listed", "directory"),
    [
        ("data/parts/a.csv", ["data/parts"], "data/parts"),
        ("data/parts/a.csv", ["data/parts/", "data"], "data"),
        ("data/parts", ["data/parts"], "data/parts"),
        ("data/parts/", ["data/parts"], "data/parts"),
        ("data/parts2/a.csv", ["data/parts"], None),
        ("data/a.csv", [], None),
        ("data/./parts//a.csv", ["data/parts"], "data/./parts"),
        ("s3a://b/parts/a.csv", ["s3://b/parts"], "s3a://b/parts"),
        ("s3://b/parts/a.csv", ["gs://b/parts", "/b/parts", "b/parts"], None),
        ("simplecache::s3://b/parts/a.csv", ["s3://b/parts"], "simplecache::s3://b/parts"),
        ("s3://b/parts/a.csv?x=1", ["s3://b/parts/"], "s3://b/parts"),
        ("s3://b/parts/a.csv", ["s3://b"], "s3://b/"),
        ("file:///data/a.csv", ["/data"], "file:///data"),
        ("memory:///parts/a.csv", ["memory://parts"], "memory:///parts"),
        ("C:\\data\\a.csv", ["C:/data"], "C:/data"),
        ("data/a.csv", ["."], "."),
        ("/data/a.csv", ["."], None),
        ("../a.csv", ["."], None),
        ("/data/a.csv", ["/"], "/"),
        ("data/eu/parts/a.csv", ["data/{region}/parts"], "data/eu/parts"),
        ("data/eu/north/parts/a.csv", ["data/{region}/parts"], "data/eu/north/parts"),
        ("data/x-eu/a.csv", ["data/x-{a}"], "data/x-eu"),
        ("data/x-", ["data/x-{a}"], None),
        ("data/x.y/a.csv", ["data/{a}.y"], "data/x.y"),
        ("data/xzy/a.csv", ["data/{a}.y"], None),
        ("data/{region}/parts/{x}.csv", ["data/{region}/parts"], "data/{region}/parts"),
    ],
)
def test_the_outermost_listed_directory_is_found(location: str, listed: list[str], directory: str | None) -> None:
    """Of the listed directories that hold a location the outermost is found, in the location's spelling."""
    assert outermost_directory(location, listed) == directory


@given(locations, st.data())
def test_relative_undoes_the_outermost_directory(location: str, data: st.DataObject) -> None:
    """A location is its outermost directory and the path below, and only what holds it is its directory."""
    parent = location[: location.rstrip("/").rfind("/") + 1]
    listed = data.draw(st.lists(st.sampled_from([parent, location, "other", "s3://team-data/x--y"]), max_size=3))
    directory = outermost_directory(location, listed)
    if directory is None:
        assert not {parent, location} & set(listed) or "?" in location or location.startswith("..")
        return
    below = relative(location, directory)
    start = normalise(directory)
    rejoined = below if start == "." else start.removesuffix("/") + "/" + below if below else start
    assert rejoined == normalise(location)
    assert outermost_directory(directory, [directory]) == directory


def test_relative_refuses_a_location_elsewhere() -> None:
    """A path below a directory exists only for what lies in it."""
    assert relative("s3a://b/parts//x/a.csv", "s3://b/parts/") == "x/a.csv"
    assert relative("data/parts/", "data/parts") == ""
    assert relative("/a.csv", "/") == "a.csv"
    assert relative("memory:///a.csv", "memory://") == "a.csv"
    assert relative("a.csv", ".") == "a.csv"
    with pytest.raises(LocationError, match="does not lie in data/parts"):
        relative("data/parts2/a.csv", "data/parts")


@given(st.lists(main_names.filter(lambda name: "{" not in name), min_size=2, max_size=4), st.data(), slugs)
def test_no_copy_lies_in_what_main_lists(parts: list[str], data: st.DataObject, slug: str) -> None:
    """With the outermost listed directory given, no listed directory of main's holds the copy."""
    base = data.draw(bases)
    ends = data.draw(st.sets(st.integers(1, len(parts)), min_size=1))
    location = base + "/".join(parts)
    listed = [base + "/".join(parts[:end]) for end in ends]
    directory = outermost_directory(location, listed)
    copy = Layout().copy(location, slug, directory=directory)
    assert outermost_directory(copy, listed) is None
    if directory is not None:
        assert relative(copy, Layout().copy(directory, slug)) == relative(location, directory)


@pytest.mark.parametrize(
    ("location", "contains"),
    [
        ("data/x--feature-x.csv", True),
        ("data/x--Feature-X.csv", True),
        ("data/x--feature-x-2.csv", True),
        ("s3://team--feature-x/x.csv", True),
        ("data/x-feature-x.csv", False),
        ("data/feature-x.csv", False),
    ],
)
def test_what_could_be_a_copy_is_noticed(location: str, contains: bool) -> None:
    """Any text that could equal a copy of the branch is noticed, also in another case."""
    assert contains_slug(location, "feature-x") is contains
