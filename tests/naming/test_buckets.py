"""A branch's bucket: its name, for layout "bucket"."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.naming.buckets import DELIMITER, branch_bucket, bucket_of
from steel_toes.naming.layout import contains_slug
from support.locations import slugs


def is_s3_name(name: str) -> bool:
    """The rules of docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) is not None
        and ".." not in name
        and not re.fullmatch(r"\d+(\.\d+){3}", name)
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"))
    )


s3_names = st.one_of(
    st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True),
    st.from_regex(r"(xn-|sthree|amzn-s3-dem)[a-z0-9-]{0,40}[a-z0-9]", fullmatch=True),
    st.lists(st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True), min_size=2, max_size=5).map(".".join),
).filter(is_s3_name)


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
