"""Locations as file systems and stores allow them, for the laws of naming."""

from __future__ import annotations

from hypothesis import strategies as st

from steel_toes.naming.buckets import DELIMITER

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
