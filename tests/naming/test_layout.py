"""The laws of the layout: where a branch copy lies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kedro.io.core import get_protocol_and_path

from steel_toes.errors import ConfigurationError, LocationError
from steel_toes.naming.buckets import DELIMITER
from steel_toes.naming.layout import Layout, contains_slug
from steel_toes.naming.location import normalise
from support.locations import files, locations, slugs

if TYPE_CHECKING:
    from collections.abc import Callable


LONG = "é" * 200  # 400 bytes


def components(location: str) -> list[str]:
    """The location's parts, a query left out."""
    return re.sub(r"\?[^/?*=]+=.*", "", location).split("/")


def changed(location: str, copy: str) -> list[tuple[str, str]]:
    """The components in which the two differ."""
    pairs = zip(components(location), components(copy), strict=True)
    return [(main, branch) for main, branch in pairs if main != branch]


@pytest.mark.parametrize(
    ("location", "copy"),
    [
        ("data/02/companies.csv", "data/02/companies--b.csv"),
        ("s3://team-data/02/companies.csv", "s3://team-data/02/companies--b.csv"),
        ("x.csv.gz", "x--b.csv.gz"),
        ("x.geojson.zip", "x--b.geojson.zip"),
        (".hidden", ".hidden--b"),
        (".config.json", ".config--b.json"),
        ("noext", "noext--b"),
        ("model-v1.2", "model-v1.2--b"),
        ("report.2024.01.csv", "report.2024.01--b.csv"),
        ("x.averylongend", "x.averylongend--b"),
        ("x.", "x.--b"),
        ("dir/", "dir--b/"),
        ("dir//", "dir--b//"),
        ("dir/.", "dir--b/."),
        ("x.zarr/", "x--b.zarr/"),
        ("data/parts/*.csv", "data/parts--b/*.csv"),
        ("data/parts//*.csv", "data/parts--b//*.csv"),
        ("data/parts/**/*.csv", "data/parts--b/**/*.csv"),
        ("data/part[0-9]/x.csv", "data--b/part[0-9]/x.csv"),
        ("s3://team-data/parts/part-?.csv", "s3://team-data/parts--b/part-?.csv"),
        ("s3://team-data/year=?/x.csv/y", None),
        ("s3://team-data/x.csv?versionId=1.2", "s3://team-data/x--b.csv?versionId=1.2"),
        ("data/x.csv?v=1", "data--b/x.csv?v=1"),
        ("s3://team-data/x.csv#1", "s3://team-data/x.csv#1--b"),
        ("s3://key:secret@team-data/x.csv", "s3://key:secret@team-data/x--b.csv"),
        ("simplecache::s3://team-data/x.csv", "simplecache::s3://team-data/x--b.csv"),
        ("filecache://::s3://team-data/parts/*", "filecache://::s3://team-data/parts--b/*"),
        ("abfss://c@acct.dfs.core.windows.net/x.csv", "abfss://c@acct.dfs.core.windows.net/x--b.csv"),
        ("/data/x.csv", "/data/x--b.csv"),
        ("file:///data/x.csv", "file:///data/x--b.csv"),
        ("memory://parts", "memory://parts--b"),
        ("memory:///parts/a.csv", "memory:///parts/a--b.csv"),
        ("hdfs:///x.parquet", "hdfs:///x--b.parquet"),
        ("C:/data/x.csv", "C:/data/x--b.csv"),
        (r"C:\data.v1\x", "C:/data.v1/x--b"),
        ("data/a::b.csv", "data/a::b--b.csv"),
        ("../x.csv", "../x--b.csv"),
        ("a/../x.csv", "a/../x--b.csv"),
        ("data/{x}.csv", "data/{x}--b.csv"),
    ],
)
def test_the_suffix_goes_before_the_whole_extension(location: str, copy: str | None) -> None:
    """The suffix stands before the compound extension of the last component, or of the directory before a glob."""
    if copy is None:
        with pytest.raises(LocationError, match="whole bucket"):
            Layout().copy(location, "b")
    else:
        assert copy == Layout().copy(location, "b")


@pytest.mark.parametrize(
    ("location", "directory", "copy"),
    [
        ("data/parts/a.csv", "data/parts", "data/parts--b/a.csv"),
        ("data/parts/a.csv", "data/parts/", "data/parts--b/a.csv"),
        ("data/./parts//a.csv", "data/parts", "data/./parts--b//a.csv"),
        ("data/parts", "data/parts", "data/parts--b"),
        ("data/parts/", "data/parts", "data/parts--b/"),
        ("data/x.zarr/0/1", "data/x.zarr", "data/x--b.zarr/0/1"),
        ("data/parts/2024/*.csv", "data/parts", "data/parts--b/2024/*.csv"),
        ("data/parts/*/x.csv", "data/parts/*", "data/parts--b/*/x.csv"),
        ("s3a://team-data/parts/a.csv", "s3://team-data/parts", "s3a://team-data/parts--b/a.csv"),
        ("simplecache::s3://t/parts/a.csv", "s3://t/parts/", "simplecache::s3://t/parts--b/a.csv"),
        ("s3://t/parts/a.csv?versionId=1", "s3://t/parts", "s3://t/parts--b/a.csv?versionId=1"),
        (r"C:\data\parts\a.csv", "C:/data/parts", "C:/data/parts--b/a.csv"),
    ],
)
def test_the_suffix_goes_on_the_directory_that_lists(location: str, directory: str, copy: str) -> None:
    """With a listing directory, the directory takes the suffix and the path below it stays."""
    assert copy == Layout().copy(location, "b", directory=directory)


@pytest.mark.parametrize(
    ("location", "copy"),
    [
        ("data/02/companies.csv", "data/02/companies--b.csv"),
        ("memory:///x.csv", "memory:///x--b.csv"),
        ("sftp://host/x.csv", "sftp://host/x--b.csv"),
        ("s3://team-data/02/companies.csv", "s3://team-data--b/02/companies.csv"),
        ("s3://s/s3/s.csv", "s3://s--b/s3/s.csv"),
        ("s3a://key:secret@team-data//x.csv", "s3a://key:secret@team-data--b//x.csv"),
        ("gcs://team_data/parts/*.csv?generation=1", "gcs://team_data--b/parts/*.csv?generation=1"),
        ("simplecache::s3://team-data/x.csv", "simplecache::s3://team-data--b/x.csv"),
    ],
)
def test_layout_bucket_changes_the_bucket_alone(location: str, copy: str) -> None:
    """Layout "bucket" changes the bucket and nothing else, and leaves what has no bucket to "suffix"."""
    assert copy == Layout("bucket").copy(location, "b")


def test_layout_bucket_needs_no_suffix_on_the_directory_that_lists() -> None:
    """Another bucket is in no listing of main's, so a listing directory stays as it is, be it the bucket."""
    assert Layout("bucket").copy("s3://t/p/a.csv", "b", directory="s3://t/p") == "s3://t--b/p/a.csv"
    assert Layout("bucket").copy("s3://t/p/a.csv", "b", directory="s3://t") == "s3://t--b/p/a.csv"


@pytest.mark.parametrize("layout", ["suffix", "bucket"])
@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("zip://a.csv::s3://team-data/x.zip", "archive"),
        ("simplecache::zip://a.csv::s3://team-data/x.zip", "archive"),
        ("zip::s3://team-data/x.zip", "archive"),
        ("zip://a.csv", "archive"),
        ("tar://a.csv::x.tar", "archive"),
        ("*.csv", "no directory"),
        ("/*.csv", "no directory"),
        ("C:/*.csv", "no directory"),
        ("../*.csv", "no directory"),
        ("", "no directory"),
        (".", "no directory"),
        ("data/..", "no directory"),
        ("~", "no directory"),
        ("/", "no directory"),
        ("file:///C:/", "no directory"),
        ("s3://team-data", "whole bucket"),
        ("s3://team-data/", "whole bucket"),
        ("s3://team-data/*.csv", "whole bucket"),
        ("abfs://team-data/", "whole bucket"),
        ("sftp://host/", "whole bucket or host"),
        ("http://host/x.csv", "HTTP"),
        ("HTTPS://host/x.csv", "HTTP"),
        ("simplecache::https://host/x.csv", "HTTP"),
    ],
)
def test_a_location_that_cannot_have_a_copy_is_refused_with_the_reason(layout: str, location: str, reason: str) -> None:
    """What cannot have a copy of its own is refused in every layout, and the error names location and reason."""
    with pytest.raises(LocationError, match=reason) as caught:
        Layout(layout).copy(location, "b")
    assert caught.value.facts["location"] == location


@pytest.mark.parametrize(
    ("location", "directory", "reason"),
    [
        ("s3://team-data/a.csv", "s3://team-data/", "whole bucket"),
        ("data/a.csv", ".", "no directory"),
        ("/data/a.csv", "/", "no directory"),
        ("data/parts/../a.csv", "data/parts", "leads out"),
        ("data/a.csv", "data/parts", "does not lie in"),
    ],
)
def test_a_directory_that_cannot_take_the_suffix_is_refused(location: str, directory: str, reason: str) -> None:
    """A listing directory without a name of its own, or one that `..` leads out of, refuses what is in it."""
    with pytest.raises(LocationError, match=reason):
        Layout().copy(location, "b", directory=directory)


@pytest.mark.parametrize(
    ("location", "slug"),
    [
        ("abfs://c/x.csv", "b"),
        ("abfss://c@acct.dfs.core.windows.net/x.csv", "b"),
        ("az://c/x.csv", "b"),
        ("adl://c/x.csv", "b"),
        ("wasbs://c@acct.blob.core.windows.net/x.csv", "b"),
        ("oci://bucket@namespace/x.csv", "b"),
        ("s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/x.csv", "b"),
        ("gs://data.example.com/x.csv", "b"),
        ("gs://team-data/x.csv", "fix-google-login"),
    ],
)
def test_a_bucket_that_cannot_have_a_sister_is_refused(location: str, slug: str) -> None:
    """Layout "bucket" refuses a store that would refuse the branch bucket's name, and names the layout that works."""
    with pytest.raises(LocationError, match='layout="suffix"'):
        Layout("bucket").copy(location, slug)
    assert contains_slug(Layout().copy(location, slug), slug)


@pytest.mark.parametrize(
    ("location", "project", "copy"),
    [
        ("/p/data/02/companies.csv", "/p", "/p/data/_branches/b/02/companies.csv"),
        ("/p/data/02/parts/*.csv", "/p", "/p/data/_branches/b/02/parts/*.csv"),
        ("/p/data/02/parts/", "/p", "/p/data/_branches/b/02/parts/"),
        ("/p/data/x.zarr/", "/p", "/p/data/_branches/b/x.zarr/"),
        ("s3://team-data/02/companies.csv", "", "s3://team-data/_branches/b/02/companies.csv"),
        ("s3://team-data/02/parts/{x}/*.csv", "/p", "s3://team-data/_branches/b/02/parts/{x}/*.csv"),
        ("gs://team-data/x", "", "gs://team-data/_branches/b/x"),
        ("abfs://c@a.dfs.core.windows.net/02/x.csv", "", "abfs://c@a.dfs.core.windows.net/_branches/b/02/x.csv"),
        ("simplecache::s3://team-data/x.csv", "", "simplecache::s3://team-data/_branches/b/x.csv"),
    ],
)
def test_layout_prefix(location: str, project: str, copy: str) -> None:
    """All of a branch lies below one folder of the bucket, or of the root, and the path below it is main's."""
    assert Layout("prefix").copy(location, "b", project) == copy
    assert Layout("prefix").top(copy, "b").endswith("/_branches/b")


@pytest.mark.parametrize(
    ("location", "project", "reason"),
    [
        ("/elsewhere/x.csv", "", "no folder of the project"),
        ("/p/x.csv", "/p", "no folder of the project"),
        ("sftp://host/x.csv", "", "lies in no bucket"),
        ("memory://x.csv", "", "lies in no bucket"),
        ("/p/data", "/p", "no folder of the project"),
        ("s3://team-data", "", "a folder of its own"),
        ("s3://team-data/", "", "a folder of its own"),
        ("/p/data/02/../x.csv", "/p", "leads out"),
        ("https://host/x.csv", "", "HTTP"),
        ("zip://a::s3://b/x.zip", "", "archive"),
    ],
)
def test_layout_prefix_has_no_place_for(location: str, project: str, reason: str) -> None:
    """What lies in no bucket and in no folder of the project is refused, and what is the root itself."""
    with pytest.raises(LocationError, match=reason):
        Layout("prefix").copy(location, "b", project)


_NAMES = st.text("abcé.-_ 1", min_size=1, max_size=6).filter(lambda name: set(name) != {"."})
_INSIDE = st.lists(_NAMES | slugs | st.just("_branches"), min_size=1, max_size=4).map("/".join)


@given(_INSIDE, _INSIDE, slugs, slugs)
def test_layout_prefix_keeps_copies_apart(one: str, other: str, slug: str, other_slug: str) -> None:
    """Distinct locations and branches have distinct copies, none of which is main's, and each is known for a copy."""
    copies = {}
    for location in {f"/p/data/{one}", f"/p/data/{other}"}:
        for each in {slug, other_slug}:
            copies[location, each] = Layout("prefix").copy(location, each, "/p")
            assert contains_slug(copies[location, each], each)
            assert copies[location, each].endswith(location.removeprefix("/p/data"))
    assert len(set(copies.values())) == len(copies)
    # A main location that is one has the form of one, and is refused.
    for location in {f"/p/data/{one}", f"/p/data/{other}"}.intersection(copies.values()):
        assert contains_slug(location, slug) or contains_slug(location, other_slug)


def test_an_unknown_layout_is_refused() -> None:
    """A layout that there is not is an error, never one of them."""
    with pytest.raises(ConfigurationError, match="Use suffix, bucket or prefix"):
        Layout("folder").copy("x.csv", "b")


@given(locations, locations, slugs)
def test_distinct_locations_have_distinct_copies(one: str, other: str, slug: str) -> None:
    """Two locations have the same copy only if they are the same."""
    assert (Layout().copy(one, slug) == Layout().copy(other, slug)) == (one == other)


@given(files, slugs, st.sampled_from(["", "--", "-", "_", ".", "x"]), st.sampled_from(["", ".csv"]))
def test_a_location_is_never_taken_for_a_copy_of_another(location: str, slug: str, glue: str, end: str) -> None:
    """Also of two locations that look like each other's copies, each has its own."""
    near = [location, location + glue + slug + end, location + DELIMITER + slug + end, Layout().copy(location, slug)]
    near += [Layout().copy(each, slug) for each in near]
    copies = {each: Layout().copy(each, slug) for each in near}
    assert len(set(copies.values())) == len(copies)


@given(locations, locations, slugs, st.sampled_from([str.upper, str.lower, str.swapcase]))
def test_a_case_blind_disk_keeps_copies_apart(one: str, other: str, slug: str, case: Callable[[str], str]) -> None:
    """Where the case-folded locations are distinct, so are the case-folded copies."""
    # Only a path has a case: in a URL's protocol and host it means nothing, or another thing.
    cased = [case(each) for each in (one, other) if "://" not in each]
    for left, right in [(one, other), *((one, each) for each in cased)]:
        if left.casefold() != right.casefold():
            assert Layout().copy(left, slug).casefold() != Layout().copy(right, slug).casefold()


@given(locations, slugs, st.sampled_from(["suffix", "bucket"]))
def test_every_copy_carries_its_slug(location: str, slug: str, layout: str) -> None:
    """No copy is without `--<slug>`, so none equals a main location that has no such text."""
    assume(not location.startswith("abfss") or layout == "suffix")
    assume("google" not in slug)
    assert not contains_slug(location, slug)
    assert contains_slug(Layout(layout).copy(location, slug), slug)


@given(locations, slugs)
def test_a_copy_differs_in_one_component(location: str, slug: str) -> None:
    """Only one component changes, and the place of every other stays."""
    assert len(changed(location, Layout().copy(location, slug))) == 1


@given(locations, slugs)
def test_no_component_of_a_copy_is_too_long_for_a_disk(location: str, slug: str) -> None:
    """The component that changes has at most 255 bytes, and no character of it is cut in two."""
    [(main, branch)] = changed(location, Layout().copy(location, slug))
    assert len(branch.encode()) <= 255
    assert branch.startswith(main[:1])


@given(locations, slugs)
def test_a_copy_keeps_its_extension(location: str, slug: str) -> None:
    """What follows the suffix is the end of main's name, and as much of it as is an extension."""
    [(main, branch)] = changed(location, Layout().copy(location, slug))
    end = re.split(rf"--{slug}(?:_[0-9a-f]{{16}})?(?=\.|$)", branch)[-1]
    assert main.endswith(end)
    if "_" not in branch[len(branch) - len(end) - 17 : len(branch) - len(end)]:
        assert re.search(r"[^.](\.[A-Za-z]\w{0,9})$", main[: len(main) - len(end)], re.ASCII) is None


@given(locations, slugs)
def test_main_and_slug_can_be_read_off_a_copy(location: str, slug: str) -> None:
    """A name that was not cut says which location and which slug it is of."""
    copy = Layout().copy(location, slug)
    [(main, branch)] = changed(location, copy)
    found = re.search(r"--([a-z0-9](?:-?[a-z0-9])*)(_[0-9a-f]{16})?((?:\.[A-Za-z]\w{0,9})*)$", branch, re.ASCII)
    assert found
    assert found[1] == slug
    assert bool(found[2]) == (len(f"{main}--{slug}".encode()) > 255)
    assert found[2] or branch[: found.start()] + found[3] == main


@pytest.mark.parametrize("name", [LONG, LONG + ".csv.gz", "x" + ".abcdefgh" * 40, "." + "日" * 90, "\udcff" * 90])
def test_a_name_that_was_cut_takes_a_digest(name: str) -> None:
    """Long names that begin and end alike have copies of at most 255 bytes, each its own, with the last extension."""
    others = [name, name[:-8] + "0" + name[-8:], name[:100] + "0" + name[100:]]
    copies = [Layout().copy(f"data/{other}", "b" * 49) for other in others]
    assert len(set(copies)) == len(others)
    for copy in copies:
        assert len(copy.removeprefix("data/").encode(errors="surrogatepass")) <= 255
        assert name.endswith(copy.rpartition("_")[2][16:])


def test_a_long_name_shows_where_it_was_cut() -> None:
    """A cut name is its beginning, the slug, a digest of the whole name, and its extension."""
    copy = Layout().copy(f"{LONG}.csv.gz", "feature-x")
    assert re.fullmatch(r"é{110}--feature-x_[0-9a-f]{16}\.csv\.gz", copy)
    assert len(copy.encode()) == 255


@given(locations, slugs)
def test_a_copy_is_parsed_by_kedro_as_main_is(location: str, slug: str) -> None:
    """Kedro finds the same protocol, and its path of the copy is the copy of its path of main."""
    assume(not location.endswith("#"))  # Kedro drops an empty fragment
    protocol, path = get_protocol_and_path(location)
    assume("?" not in path or protocol != "file")  # a URL's query is no query in the bare path
    copied = get_protocol_and_path(Layout().copy(location, slug))
    assert copied[0] == protocol
    if "?" not in path:
        assert copied[1] == Layout().copy(path, slug)


@given(locations, slugs)
def test_one_object_has_one_copy(location: str, slug: str) -> None:
    """The copies of two spellings of one location are two spellings of one copy."""
    assert normalise(Layout().copy(location, slug)) == Layout().copy(normalise(location), slug)
