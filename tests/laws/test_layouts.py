"""A change of the layout orphans nothing: a copy of the old one is named, found by who looks, and cleaned."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from steel_toes.errors import RecordError
from steel_toes.naming.layout import Layout
from support.files import contents
from support.seeding import seed
from support.team import BRANCH, Team

PARTS = {"type": "partitions.PartitionedDataset", "path": "data/04/parts", "dataset": "text.TextDataset"}
CONF = {
    "text": {"type": "text.TextDataset", "filepath": "data/02/text.txt"},
    "model": {"type": "pickle.PickleDataset", "filepath": "data/03/model.pkl", "versioned": True},
    "parts": PARTS,
    "inner": {"type": "text.TextDataset", "filepath": "data/04/parts/inner"},
}
DATA: dict[str, Any] = {"text": "1", "model": 2, "parts": {"a": "3"}, "inner": "4"}
LAYOUTS = list(permutations(["suffix", "prefix"]))


def read(catalog: Any, name: str) -> Any:
    data = catalog[name].load()
    return {key: value() for key, value in data.items()} if isinstance(data, dict) else data


@pytest.fixture
def saved(team: Team, request: pytest.FixtureRequest) -> tuple[Team, str]:
    """A team whose branch has saved under one layout, and the other one."""
    before, after = request.param
    team.main_saves(CONF, "2026-01-01T00.00.00.000Z", **{name: DATA[name] for name in ("text", "model", "parts")})
    branch = team.branch(CONF, "2026-01-02T00.00.00.000Z", layout=before)
    for name, data in DATA.items():
        branch.save(name, data)
    return team, after


@pytest.mark.contract
@pytest.mark.parametrize("saved", LAYOUTS, indirect=True, ids="-".join)
class TestChanged:
    """What was saved before."""

    @pytest.mark.parametrize("name", DATA)
    def test_it_is_said(self, saved: tuple[Team, str], name: str) -> None:
        """Neither main's is read, nor is it called gone, nor does a save leave the old copy without a record."""
        team, layout = saved
        before = contents(team.folder)
        branch = team.branch(CONF, "2026-01-03T00.00.00.000Z", layout=layout)
        for ask in (branch[name].load, branch[name].exists, lambda: branch[name].save(DATA[name])):
            with pytest.raises(RecordError, match=rf'and the project has layout "{layout}".* by now.*steel-toes clean'):
                ask()
        assert contents(team.folder) == before

    def test_who_only_looks_finds_it(self, saved: tuple[Team, str], monkeypatch: pytest.MonkeyPatch) -> None:
        """A read-only process reads each copy where its record says that it lies."""
        team, layout = saved
        monkeypatch.setenv("STEEL_TOES_READ_ONLY", "true")
        branch = team.branch(CONF, layout=layout)
        assert {name: read(branch, name) for name in ("text", "model", "inner")} == {
            "text": "1",
            "model": 2,
            "inner": "4",
        }
        assert read(branch, "parts")["a"] == "3"

    def test_another_branch_may_begin_as_it(self, saved: tuple[Team, str]) -> None:
        """`seed` copies from each layout into each."""
        team, layout = saved
        other = team.catalog("feature/2", CONF, layout=layout)
        seed(other, team.plain(CONF), BRANCH)
        other = team.catalog("feature/2", CONF, layout=layout)
        assert {name: read(other, name) for name in ("text", "model", "inner")} == {
            "text": "1",
            "model": 2,
            "inner": "4",
        }


@pytest.mark.contract
def test_a_path_has_no_bucket(team: Team) -> None:
    """On a disk layout `bucket` is layout `suffix`: what one has saved the other reads."""
    team.main_saves(CONF, text="main's")
    team.branch(CONF, layout="bucket").save("text", "1")
    assert read(team.branch(CONF, layout="suffix"), "text") == "1"
    assert Layout("suffix").is_alike(Layout("bucket"), "data/x.csv")
    assert not Layout("suffix").is_alike(Layout("bucket"), "s3://b/x.csv")
    assert not Layout("suffix").is_alike(Layout("prefix"), "data/x.csv")
