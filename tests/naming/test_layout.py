"""The laws of the layout: where a branch copy lies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kedro.io.core import get_protocol_and_path

from steel_toes.errors import ConfigurationError, LocationError
from steel_toes.naming.layout import (
    DELIMITER,
    branch_bucket,
    branch_location,
    bucket_of,
    contains_slug,
    listed_directory,
    normalise,
    outermost_directory,
    relative,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = "é" * 200  # 400 bytes


def is_s3_name(name: str) -> bool:
    """The rules of docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) is not None
        and ".." not in name
        and not re.fullmatch(r"\d+(\.\d+){3}", name)
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"))
    )


# Shared strategies. Names are what file systems and stores allow, without what has a meaning in a location.
alnum = "abcXYZ019"
tokens = st.text(alnum + "_", min_size=1, max_size=12)
words = st.text(alnum + "-_ .#%,éß日İ" + "{}", min_size=1, max_size=20)
names = st.one_of(
    words,
    st.builds(lambda stem, ends: ".".join([stem, *ends]), words, st.lists(tokens, max_size=4)),
    st.builds(
        lambda stem, n, end: stem * n + end, words, st.integers(30, 200), st.sampled_from(["", ".csv", ".csv.gz"])
    ),
).filter(lambda name: name not in {".", ".."})
main_names = names.filter(lambda name: DELIMITER not in name)
folders = st.lists(main_names, max_size=3).map(lambda parts: "".join(part + "/" for part in parts))
bases = st.sampled_from(
    [
        "",
        "/",
        "s3://team-data/",
        "gs://team-data/",
        "s3a://team-data/",
        "abfss://c@acct.dfs.core.windows.net/",
        "C:/",
        "file:///",
        "memory:///",
        "hdfs:///",
        "sftp://host/",
        "simplecache::s3://team-data/",
    ]
)
globs = main_names.flatmap(lambda name: st.sampled_from([f"{name}/*.csv", f"{name}/**/*", f"{name}/part-?.csv"]))
queries = st.sampled_from(["", "", "", "?versionId=1", "?a=b/c.d"])
files = st.builds(lambda base, folder, name: base + folder + name, bases, folders, main_names)
locations = st.one_of(
    files,
    files.map(lambda location: location + "/"),
    st.builds(lambda base, folder, glob: base + folder + glob, bases, folders, globs),
    st.builds(lambda folder, name, query: f"s3://team-data/{folder}{name}{query}", folders, main_names, queries),
)
slugs = st.one_of(
    st.sampled_from(["b", "feature-x", "feature-x-0123abcd", "x-s3", "ol-s3", "table-s3", "move-s3alias", "add-an"]),
    st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True).filter(lambda slug: len(slug) <= 49),
    st.text("abc01", min_size=49, max_size=49),
)
s3_names = st.one_of(
    st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True),
    st.from_regex(r"(xn-|sthree|amzn-s3-dem)[a-z0-9-]{0,40}[a-z0-9]", fullmatch=True),
    st.lists(st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True), min_size=2, max_size=5).map(".".join),
).filter(is_s3_name)


def components(location: str) -> list[str]:
    """The location's parts, a query left out."""
    return re.sub(r"\?[^/?*=]+=.*", "", location).split("/")


def changed(location: str, copy: str) -> list[tuple[str, str]]:
    """The components in which the two differ."""
    pairs = zip(components(location), components(copy), strict=True)
    return [(main, branch) for main, branch in pairs if main != branch]


# -- branch_location: the table of the design ---------------------------------------------------------------------


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
            branch_location(location, "b")
    else:
        assert copy == branch_location(location, "b")


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
    assert copy == branch_location(location, "b", directory=directory)


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
    assert copy == branch_location(location, "b", layout="bucket")


def test_layout_bucket_needs_no_suffix_on_the_directory_that_lists() -> None:
    """Another bucket is in no listing of main's, so a listing directory stays as it is, be it the bucket."""
    assert branch_location("s3://t/p/a.csv", "b", "bucket", directory="s3://t/p") == "s3://t--b/p/a.csv"
    assert branch_location("s3://t/p/a.csv", "b", "bucket", directory="s3://t") == "s3://t--b/p/a.csv"


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
        branch_location(location, "b", layout=layout)
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
        branch_location(location, "b", directory=directory)


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
        branch_location(location, slug, layout="bucket")
    assert contains_slug(branch_location(location, slug), slug)


def test_an_unknown_layout_is_refused() -> None:
    """A layout that is not one of the two is an error, never one of them."""
    with pytest.raises(ConfigurationError, match="Use suffix or bucket"):
        branch_location("x.csv", "b", layout="prefix")


# -- branch_location: the laws ------------------------------------------------------------------------------------


@given(locations, locations, slugs)
def test_distinct_locations_have_distinct_copies(one: str, other: str, slug: str) -> None:
    """Two locations have the same copy only if they are the same."""
    assert (branch_location(one, slug) == branch_location(other, slug)) == (one == other)


@given(files, slugs, st.sampled_from(["", "--", "-", "_", ".", "x"]), st.sampled_from(["", ".csv"]))
def test_a_location_is_never_taken_for_a_copy_of_another(location: str, slug: str, glue: str, end: str) -> None:
    """Also of two locations that look like each other's copies, each has its own."""
    near = [location, location + glue + slug + end, location + DELIMITER + slug + end, branch_location(location, slug)]
    near += [branch_location(each, slug) for each in near]
    copies = {each: branch_location(each, slug) for each in near}
    assert len(set(copies.values())) == len(copies)


@given(locations, locations, slugs, st.sampled_from([str.upper, str.lower, str.swapcase]))
def test_a_case_blind_disk_keeps_copies_apart(one: str, other: str, slug: str, case: Callable[[str], str]) -> None:
    """Where the case-folded locations are distinct, so are the case-folded copies."""
    # Only a path has a case: in a URL's protocol and host it means nothing, or another thing.
    cased = [case(each) for each in (one, other) if "://" not in each]
    for left, right in [(one, other), *((one, each) for each in cased)]:
        if left.casefold() != right.casefold():
            assert branch_location(left, slug).casefold() != branch_location(right, slug).casefold()


@given(locations, slugs, st.sampled_from(["suffix", "bucket"]))
def test_every_copy_carries_its_slug(location: str, slug: str, layout: str) -> None:
    """No copy is without `--<slug>`, so none equals a main location that has no such text."""
    assume(not location.startswith("abfss") or layout == "suffix")
    assume("google" not in slug)
    assert not contains_slug(location, slug)
    assert contains_slug(branch_location(location, slug, layout), slug)


@given(locations, slugs)
def test_a_copy_differs_in_one_component(location: str, slug: str) -> None:
    """Only one component changes, and the place of every other stays."""
    assert len(changed(location, branch_location(location, slug))) == 1


@given(locations, slugs)
def test_no_component_of_a_copy_is_too_long_for_a_disk(location: str, slug: str) -> None:
    """The component that changes has at most 255 bytes, and no character of it is cut in two."""
    [(main, branch)] = changed(location, branch_location(location, slug))
    assert len(branch.encode()) <= 255
    assert branch.startswith(main[:1])


@given(locations, slugs)
def test_a_copy_keeps_its_extension(location: str, slug: str) -> None:
    """What follows the suffix is the end of main's name, and as much of it as is an extension."""
    [(main, branch)] = changed(location, branch_location(location, slug))
    end = re.split(rf"--{slug}(?:_[0-9a-f]{{16}})?(?=\.|$)", branch)[-1]
    assert main.endswith(end)
    if "_" not in branch[len(branch) - len(end) - 17 : len(branch) - len(end)]:
        assert re.search(r"[^.](\.[A-Za-z]\w{0,9})$", main[: len(main) - len(end)], re.ASCII) is None


@given(locations, slugs)
def test_main_and_slug_can_be_read_off_a_copy(location: str, slug: str) -> None:
    """A name that was not cut says which location and which slug it is of."""
    copy = branch_location(location, slug)
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
    copies = [branch_location(f"data/{other}", "b" * 49) for other in others]
    assert len(set(copies)) == len(others)
    for copy in copies:
        assert len(copy.removeprefix("data/").encode(errors="surrogatepass")) <= 255
        assert name.endswith(copy.rpartition("_")[2][16:])


def test_a_long_name_shows_where_it_was_cut() -> None:
    """A cut name is its beginning, the slug, a digest of the whole name, and its extension."""
    copy = branch_location(f"{LONG}.csv.gz", "feature-x")
    assert re.fullmatch(r"é{110}--feature-x_[0-9a-f]{16}\.csv\.gz", copy)
    assert len(copy.encode()) == 255


@given(locations, slugs)
def test_a_copy_is_parsed_by_kedro_as_main_is(location: str, slug: str) -> None:
    """Kedro finds the same protocol, and its path of the copy is the copy of its path of main."""
    assume(not location.endswith("#"))  # Kedro drops an empty fragment
    protocol, path = get_protocol_and_path(location)
    assume("?" not in path or protocol != "file")  # a URL's query is no query in the bare path
    copied = get_protocol_and_path(branch_location(location, slug))
    assert copied[0] == protocol
    if "?" not in path:
        assert copied[1] == branch_location(path, slug)


@given(locations, slugs)
def test_one_object_has_one_copy(location: str, slug: str) -> None:
    """The copies of two spellings of one location are two spellings of one copy."""
    assert normalise(branch_location(location, slug)) == branch_location(normalise(location), slug)


# -- buckets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "bucket"),
    [
        ("s3://team-data/x.csv", "team-data"),
        ("s3a://key:secret@team-data/x.csv", "team-data"),
        ("S3N://team-data", "team-data"),
        ("gs://team-data/", "team-data"),
        ("gcs://team-data/x", "team-data"),
        ("simplecache::s3://team-data/x", "team-data"),
        ("az://container/x", "container"),
        ("abfss://c@acct.dfs.core.windows.net/x", "c@acct.dfs.core.windows.net"),
        ("s3:///x", None),
        ("data/x.csv", None),
        ("C:/data/x.csv", None),
        ("file:///data/x.csv", None),
        ("memory://data/x.csv", None),
        ("hdfs://host/x.csv", None),
        ("sftp://host/x.csv", None),
    ],
)
def test_a_bucket_is_the_first_part_of_a_bucket_store(location: str, bucket: str | None) -> None:
    """Only a location in a bucket store has a bucket; credentials are no part of it."""
    assert bucket_of(location) == bucket


@pytest.mark.parametrize(
    ("bucket", "slug", "pattern"),
    [
        ("team-data", "feature-x", "team-data--feature-x"),
        ("team-data", "x-s3", "team-data--x-s3-[0-9a-f]{8}"),
        ("team-data", "ol-s3", "team-data--ol-s3-[0-9a-f]{8}"),
        ("team-data", "table-s3", "team-data--table-s3-[0-9a-f]{8}"),
        ("team-data", "my-s3alias", "team-data--my-s3alias-[0-9a-f]{8}"),
        ("team-data", "add-an", "team-data--add-an-[0-9a-f]{8}"),
        ("sthree", "b", "sthre0--b-[0-9a-f]{8}"),
        ("xn-data-of-all-of-us", "a" * 49, "xn0--a{49}-[0-9a-f]{8}"),
        ("my.data.of.all.of.us", "a" * 49, "my0--a{49}-[0-9a-f]{8}"),
        ("d" * 63, "b", "d{51}--b-[0-9a-f]{8}"),
    ],
)
def test_a_bucket_takes_a_digest_where_its_plain_name_is_not_allowed(bucket: str, slug: str, pattern: str) -> None:
    """A bucket's plain name takes a digest if it is too long, or begins or ends as S3 reserves for itself."""
    assert re.fullmatch(pattern, branch_bucket(bucket, slug))


@given(s3_names, slugs)
def test_a_branch_bucket_is_a_valid_bucket(bucket: str, slug: str) -> None:
    """The branch's bucket keeps the rules of S3 whenever main's does, and carries the slug."""
    name = branch_bucket(bucket, slug)
    assert is_s3_name(name)
    assert contains_slug(name, slug)


@given(s3_names, s3_names, slugs)
def test_distinct_buckets_have_distinct_branch_buckets(one: str, other: str, slug: str) -> None:
    """Two buckets have one branch bucket only if they are the same, also where one looks like the other's."""
    near = {one, other, f"{one}{DELIMITER}{slug}", branch_bucket(one, slug)}
    assert len({branch_bucket(each, slug) for each in near}) == len(near)


# -- spellings and directories ------------------------------------------------------------------------------------


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
    copy = branch_location(location, slug, directory=directory)
    assert outermost_directory(copy, listed) is None
    if directory is not None:
        assert relative(copy, branch_location(directory, slug)) == relative(location, directory)


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
