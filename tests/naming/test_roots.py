"""The roots of all copies: what may be one, and where copies lie below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steel_toes.errors import ConfigurationError, LocationError
from steel_toes.naming.layout import Layout, contains_slug
from steel_toes.naming.location import normalise
from steel_toes.naming.roots import checked_roots, expanded, has_root, project_slug, root_of
from support.locations import slugs

PROJECT = "github.com/acme/flights"


@pytest.mark.parametrize(
    ("root", "location", "copy"),
    [
        ("s3://scratch", "s3://team-data/02/x.csv", "s3://scratch/_branches/b/team-data/02/x.csv"),
        ("s3://scratch/a/", "s3a://team-data/02/x.csv", "s3://scratch/a/_branches/b/team-data/02/x.csv"),
        ("s3://scratch", "s3://team-data/parts/", "s3://scratch/_branches/b/team-data/parts/"),
        ("s3://scratch", "s3://team-data/parts/*.csv", "s3://scratch/_branches/b/team-data/parts/*.csv"),
        ("s3://scratch", "s3://team-data", "s3://scratch/_branches/b/team-data/"),
        ("s3://scratch", "simplecache::s3://t/x.csv", "simplecache::s3://scratch/_branches/b/t/x.csv"),
        ("gcs://scratch", "gs://team-data/x", "gs://scratch/_branches/b/team-data/x"),
        ("/scratch", "/p/data/02/x.csv", "/scratch/_branches/b/data/02/x.csv"),
        ("/scratch/", "/p/x.csv", "/scratch/_branches/b/x.csv"),
        ("/scratch", "/p/data/parts/", "/scratch/_branches/b/data/parts/"),
        ("/scratch", "/mnt/lake/x.csv", "/scratch/_branches/b/_abs/mnt/lake/x.csv"),
        ("file:///scratch", "file:///mnt/lake/x.csv", "/scratch/_branches/b/_abs/mnt/lake/x.csv"),
        ("memory://scratch", "memory://data/x.csv", "memory:///scratch/_branches/b/data/x.csv"),
        ("sftp://host/scratch", "sftp://ann:pw@host/x.csv", "sftp://ann:pw@host/scratch/_branches/b/host/x.csv"),
        ("hdfs://nn:8020/scratch", "hdfs://nn:8020/x", "hdfs://nn:8020/scratch/_branches/b/nn_8020/x"),
        ("abfs://s@a.net/r", "abfs://c@a.net/02/x.csv", "abfs://s@a.net/r/_branches/b/c@a.net/02/x.csv"),
    ],
)
def test_where_copies_lie(root: str, location: str, copy: str) -> None:
    """Below the root and the branch's folder: main's bucket or host and path, or its path from the project."""
    roots = checked_roots(root)
    layout = Layout("prefix", expanded(root_of(roots, location), lambda: None))
    assert layout.copy(location, "b", "/p") == copy
    assert layout.top(copy, "b").endswith("/_branches/b")


@pytest.mark.parametrize("location", ["/p/data/../../x.csv", "s3://team-data/../x.csv", "https://h/x.csv"])
def test_no_place(location: str) -> None:
    """What climbs, and what can have no copy anywhere, has none below a root."""
    with pytest.raises(LocationError):
        Layout("prefix", "/scratch").copy(location, "b", "/p")


_NAMES = st.text("abcé.-_ 1", min_size=1, max_size=6).filter(lambda name: set(name) != {"."})
_INSIDE = st.lists(_NAMES | st.just("_branches"), min_size=1, max_size=4).map("/".join)
_LOCAL = st.builds(str.__add__, st.sampled_from(["/p/", "/p/data/", "/mnt/", "/"]), _INSIDE)
_IN_BUCKETS = st.builds(str.__add__, st.sampled_from(["s3://a/", "s3://b/", "s3://a.b/"]), _INSIDE)


@given(st.data(), slugs, slugs)
def test_copies_are_apart(data: st.DataObject, slug: str, other_slug: str) -> None:
    """Distinct locations of a root and distinct branches have distinct copies, none of them where main's are."""
    locations, root = data.draw(st.sampled_from([(_LOCAL, "/scratch"), (_IN_BUCKETS, "s3://scratch/x")]))
    one, other = data.draw(locations), data.draw(locations)
    # What lies in a folder of that name of the project is another's copy, too: the catalog refuses both.
    assume("_abs" not in one + other)
    layout = Layout("prefix", root)
    copies = {}
    for location in {normalise(one), normalise(other)}:
        for each in {slug, other_slug}:
            copies[location, each] = layout.copy(location, each, "/p")
            assert contains_slug(copies[location, each], each)
            assert copies[location, each].startswith(f"{root}/_branches/{each}/")
    assert len(set(copies.values())) == len(copies)


@given(_LOCAL, slugs)
def test_a_checkout_may_move(location: str, slug: str) -> None:
    """Two checkouts of one project have one copy of what lies in them."""
    assume(location.startswith("/p/"))
    moved = "/home/ann/p" + location.removeprefix("/p")
    layout = Layout("prefix", "/scratch")
    assert layout.copy(location, slug, "/p") == layout.copy(moved, slug, "/home/ann/p")


def test_of_each_store() -> None:
    """A mapping gives each store its own; what it leaves out has none."""
    roots = checked_roots({"s3a": "s3://scratch", "file": Path("/scratch")})
    assert root_of(roots, "s3://team-data/x.csv") == "s3://scratch"
    assert root_of(roots, "/p/data/x.csv") == "/scratch"
    assert root_of(roots, "gs://team-data/x.csv") == ""
    assert not has_root(roots, "gs://team-data/x.csv")
    assert checked_roots(None) == {}


@pytest.mark.parametrize(
    ("root", "location"),
    [
        ("s3://scratch", "/p/data/x.csv"),
        ("/scratch", "s3://team-data/x.csv"),
        ("s3://scratch", "gs://team-data/x.csv"),
        ("sftp://one/scratch", "sftp://other/x.csv"),
        ("abfs://s@one.net/r", "abfs://c@other.net/x.csv"),
    ],
)
def test_on_another_store(root: str, location: str) -> None:
    """Copies are made within a store: a root on another one has no place for it, and the way out is named."""
    with pytest.raises(LocationError, match=r"lies on another store.*Give each store its own: SteelToes\(root=\{"):
        root_of(checked_roots(root), location)
    assert not has_root(checked_roots(root), location)


@pytest.mark.parametrize(
    ("root", "why"),
    [
        ("scratch", "It is relative"),
        ("./scratch", "It is relative"),
        ("~/scratch", "It is relative"),
        ("", "It is blank"),
        (" ", "It is blank"),
        ("s3://scratch/{branch}", "Nothing takes the place of {branch}"),
        ("s3://scratch/{project", "Nothing takes the place of {project"),
        ("s3://scratch/{}", "Nothing takes the place of {}"),
        ("s3://scratch/project}", "Nothing takes the place of }"),
        ("https://host/scratch", "It is no folder"),
        ("zip://a::s3://b/x.zip", "It is no folder"),
        ("s3://scratch/*", "It is no folder"),
        ("/scratch/../data", "It is no folder"),
        ("/scratch/_branches", "It lies inside a folder in which steel_toes"),
        ("s3://scratch/_steel_toes/x", "It lies inside a folder in which steel_toes"),
        ("s3://", "It names no bucket"),
        ("/", "It names no bucket"),
        (7, "It is neither a text nor a mapping"),
        ({}, "It is neither a text nor a mapping"),
        ({"s3": 7}, "It is neither a text nor a mapping"),
        ({"s3": "/scratch"}, "Its root for s3 is /scratch, which no URL with that protocol would reach"),
        ({"s3": "s3://one", "s3a": "s3://two"}, "Two of its protocols reach one store"),
    ],
    ids=str,
)
def test_no_root(root: object, why: str) -> None:
    """What can be no root is refused when it is set, with what to write instead."""
    with pytest.raises(ConfigurationError, match=re.escape(why)) as caught:
        checked_roots(root)
    assert "root=" in str(caught.value)


def test_a_project() -> None:
    """`{project}` is the project's slug with its digest; one that nobody knows is refused."""
    root = expanded("s3://scratch/{project}", lambda: PROJECT)
    assert re.fullmatch(r"s3://scratch/acme-flights-[0-9a-f]{8}", root)
    assert project_slug("gitlab.com/acme/flights") != project_slug(PROJECT)
    assert re.fullmatch(r"[0-9a-f]{8}", project_slug("///"))
    with pytest.raises(ConfigurationError, match=r"Nobody knows which project this is.*STEEL_TOES_PROJECT"):
        expanded("s3://scratch/{project}", lambda: None)
    # Nobody waits for Git where the project's name is not asked for.
    assert expanded("S3://scratch/", lambda: pytest.fail("the project is not asked for")) == "s3://scratch"
