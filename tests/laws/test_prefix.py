"""Layout "prefix": all of a branch lies below `_branches/<slug>/`, on the disk and in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steel_toes.errors import LinkError, RecordError, SaveRefusedError
from support.files import contents
from support.project import Project
from support.runs import RunningTeam
from support.servers import needs
from support.team import SLUG, Team, frame

TEXT = {"type": "text.TextDataset"}
ENTRIES: dict[str, Any] = {
    "a": {**TEXT, "filepath": "data/02/a.txt"},
    "b": {**TEXT, "filepath": "data/02/deep/b.txt"},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/03/model.pickle", "versioned": True},
    "parts": {"type": "partitions.PartitionedDataset", "path": "data/04/parts", "dataset": TEXT},
    "inner": {**TEXT, "filepath": "data/04/parts/one"},
    "log": {**TEXT, "filepath": "data/05/log.txt", "fs_args": {"open_args_save": {"mode": "a"}}},
    "news": {
        "type": "partitions.IncrementalDataset",
        "path": "data/06/news",
        "dataset": TEXT,
        "checkpoint": {"filepath": "data/06/news/seen"},
    },
}
SAVED = {
    "a": "1",
    "b": "2",
    "model": 3,
    "parts": {"one": "4", "two": "5"},
    "inner": "6",
    "log": "7",
    "news": {"n": "8"},
}


class DiskTeam(RunningTeam):
    """A team on a disk, which has no proxy."""

    def fresh(self) -> None:
        """There is nothing to forget."""


@pytest.fixture(params=["disk", "s3"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    """A team on the disk, and one in a bucket; main must be as it saved it when the test is over."""
    if request.param == "disk":
        yield from _checked(DiskTeam.on_disk(tmp_path / "team"))
        return
    needs("s3", "s3fs", "moto", install="the group `stores`")
    yield from _checked(Team.in_bucket(request.getfixturevalue("moto"), tmp_path).made())


def _checked(team: Any) -> Iterator[Any]:
    yield team
    team.check()


def conf_of(team: Team) -> dict[str, Any]:
    """The entries, in a bucket with credentials."""
    if team.protocol == "file":
        return ENTRIES
    signed = {name: {**entry, "credentials": "own"} for name, entry in ENTRIES.items()}
    # A checkpoint has its own.
    signed["news"].pop("checkpoint")
    return signed


def branch_objects(team: Team) -> set[str]:
    """What a branch has, without records and locks."""
    own = {path for path in team.objects() if f"_branches/{SLUG}/" in path or "--" in path}
    return {path for path in own if "_steel_toes" not in path}


def test_everything_lies_below_one_folder(team: Team) -> None:
    """Each kind of copy lies below the branch's folder, at main's path; nothing carries a suffix; records stay."""
    conf = conf_of(team)
    team.main_saves(conf, version="2026-01-01T00.00.00.000Z", **SAVED)
    catalog = team.branch(conf, version="2026-01-02T00.00.00.000Z", layout="prefix")
    for name, data in SAVED.items():
        catalog.save(name, data)
    catalog.load("news")
    catalog.confirm("news")
    objects = branch_objects(team)
    top = "data/" if team.protocol == "file" else ""
    assert all(path.startswith(f"{top}_branches/{SLUG}/") for path in objects), objects
    inside = {path.removeprefix(f"{top}_branches/{SLUG}/") for path in objects}
    version = "2026-01-02T00.00.00.000Z"
    assert {"02/a.txt", "02/deep/b.txt", f"03/model.pickle/{version}/model.pickle", "04/parts/one"} <= inside
    assert any(f"{top}_steel_toes/{SLUG}/" in path for path in team.objects())
    again = team.branch(conf, layout="prefix")
    assert again.load("a") == "1"
    assert {name: load() for name, load in again.load("parts").items()} == {"one": "6", "two": "5"}
    assert again.load("log") == "77"
    assert again.load("news") == {}


def test_readers_that_list_mains_folder(team: Team) -> None:
    """Whoever lists main's folder by himself finds main's files and no other."""
    conf = conf_of(team)
    team.main_saves(conf, a="main's a", b="main's b")
    before = set(team.filesystem().find(f"{team.url}/02"))
    catalog = team.branch(conf, layout="prefix")
    catalog.save("a", "the branch's")
    catalog.save("b", "the branch's")
    assert set(team.filesystem().find(f"{team.url}/02")) == before


def rows_of_pyarrow(folder: Path) -> int:
    from pyarrow import dataset

    return dataset.dataset(str(folder), format="parquet").count_rows()


def rows_of_pandas(folder: Path) -> int:
    import pandas as pd

    return len(pd.read_parquet(folder))


def rows_of_polars(folder: Path) -> int:
    import polars as pl

    return pl.scan_parquet(f"{folder}/*.parquet").collect().height


def rows_of_duckdb(folder: Path) -> int:
    import duckdb

    (count,) = duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [f"{folder}/*.parquet"]).fetchone()
    return count


READERS = {"pyarrow": rows_of_pyarrow, "pandas": rows_of_pandas, "polars": rows_of_polars, "duckdb": rows_of_duckdb}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("layout", "rows"), [("prefix", 100), ("suffix", 140)])
def test_readers_of_a_folder(tmp_path: Path, reader: str, layout: str, rows: int) -> None:
    """Who reads all files of main's folder gets main's 100 rows; with layout `suffix` the branch's 40 as well."""
    for package in {reader, "pyarrow", "pandas"}:
        pytest.importorskip(package, reason=f"the folder is read by {reader}")
    team = DiskTeam.on_disk(tmp_path / "team")
    conf = {"sales": {"type": "pandas.ParquetDataset", "filepath": "data/02/sales.parquet"}}
    team.main_saves(conf, sales=frame(*range(100)))
    team.branch(conf, layout=layout).save("sales", frame(*range(40)))
    assert READERS[reader](team.folder / "data/02") == rows
    team.check()


def test_saved_under_another_layout(team: Team) -> None:
    """Neither is main's copy read in its place: a load says under which layout it was saved."""
    conf = conf_of(team)
    team.main_saves(conf, a="main's")
    team.branch(conf).save("a", "the branch's")
    with pytest.raises(RecordError, match='saved under layout "suffix"'):
        team.branch(conf, layout="prefix")["a"].load()


class Below(Project):
    """A project with layout "prefix"."""

    package = "below"


CATALOG = """
a: {type: text.TextDataset, filepath: data/02/a.txt}
top: {type: text.TextDataset, filepath: top.txt}
far: {type: text.TextDataset, filepath: FAR}
"""


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Below]:
    """On feature/x; main must be the same when the test is over."""
    far = tmp_path / "far.txt"
    files = {
        "conf/base/catalog.yml": CATALOG.replace("FAR", str(far)),
        "src/below/settings.py": 'from steel_toes import SteelToes\n\nHOOKS = (SteelToes(layout="prefix"),)\n',
        "data/02/a.txt": "main's",
        "top.txt": "main's",
    }
    below = Below.committed(tmp_path / "below", files, monkeypatch)
    far.write_text("main's")
    monkeypatch.chdir(below.folder)
    below.switch("feature/x")
    yield below
    below.assert_main_unchanged()
    assert (far.read_text(), (below.folder / "top.txt").read_text()) == ("main's", "main's")


@pytest.mark.parametrize("name", ["top", "far"])
def test_no_place(below: Below, name: str) -> None:
    """A file directly in the project's folder, and data outside of the project, are read, and not saved."""
    catalog = below.catalog()
    assert catalog.load(name) == "main's"
    with pytest.raises(SaveRefusedError, match='Layout "prefix" has no place for it'):
        catalog[name].save("the branch's")


def test_commands(below: Below) -> None:
    """The commands know where the copies lie; `clean` removes them, and the folders that are empty then."""
    before = contents(below.folder, below.folder)
    below.catalog().save("a", "the branch's")
    (row,) = below.json("status", "a")
    copy = below.folder / f"data/_branches/{SLUG}/02/a.txt"
    assert (row["side"], row["saves_to"]) == ("branch", str(copy))
    assert f"Its copies are in _branches/{SLUG}/." in below.call("whoami").stdout
    assert f"Its copies are in _branches/{SLUG}/." in below.call("status").stderr
    copy.write_text("mended")
    assert below.json("adopt", "a", "--yes")[0]["path"] == str(copy)
    assert below.catalog().load("a") == "mended"
    plan = below.json("clean", "--branch", "feature/x", "--yes")
    assert [item["path"] for item in plan["items"][0]["objects"]] == [str(copy)]
    after = {path: data for path, data in contents(below.folder, below.folder).items() if "__pycache__" not in path}
    assert after == {path: data for path, data in before.items() if "__pycache__" not in path}
    assert not list((below.folder / "data/_branches").glob("*"))


@pytest.mark.parametrize("records", ["data/_records", "records", "/records"])
def test_records_elsewhere(below: Below, tmp_path: Path, records: str) -> None:
    """Where records lie plays no part: `clean` finds the copy by what the layout computes."""
    place = f"{tmp_path}{records}" if records.startswith("/") else records
    hook = f'SteelToes(layout="prefix", records="{place}")'
    (below.folder / "src/below/settings.py").write_text(f"from steel_toes import SteelToes\n\nHOOKS = ({hook},)\n")
    below.catalog().save("a", "the branch's")
    copy = below.folder / f"data/_branches/{SLUG}/02/a.txt"
    assert copy.read_text() == "the branch's"
    plan = below.json("clean", "--branch", "feature/x", "--yes")
    assert [item["path"] for item in plan["items"][0]["objects"]] == [str(copy)]
    assert not copy.exists()


@pytest.mark.parametrize(
    "link", [f"data/_branches/{SLUG}", f"data/_branches/{SLUG}/02", f"data/_branches/{SLUG}/02/a.txt"]
)
def test_links(below: Below, tmp_path: Path, link: str) -> None:
    """Nothing is written through a link at the branch's folder, or below it."""
    target = below.folder / "data/02/a.txt" if link.endswith(".txt") else tmp_path / "elsewhere"
    if not link.endswith(".txt"):
        (target / "02").mkdir(parents=True)
    place = below.folder / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    with pytest.raises(LinkError):
        below.catalog()["a"].save("the branch's")
    assert not [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]


def test_a_linked_folder(below: Below, tmp_path: Path) -> None:
    """Of a data folder that is a link, the copies lie where it leads, and other checkouts find them."""
    real = tmp_path / "shared"
    (below.folder / "data").rename(real)
    (below.folder / "data").symlink_to(real)
    below.catalog().save("a", "the branch's")
    assert (real / f"_branches/{SLUG}/02/a.txt").read_text() == "the branch's"
    assert below.catalog().load("a") == "the branch's"
    plan = below.json("clean", "--branch", "feature/x", "--yes")
    assert len(plan["items"][0]["objects"]) == 1
    assert not list(real.glob("_branches/*"))
