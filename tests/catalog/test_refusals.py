"""What a run would be refused in the middle is refused before its first node."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import node, pipeline

from steel_toes import SteelToes
from steel_toes.errors import BranchUnknownError, RunObstructedError, RunRefusedError
from support.entries import Lines, Table, own, saved_on_main, text
from support.team import SLUG

pytestmark = pytest.mark.contract

CONFIG = {
    "a": text("data/a.txt"),
    "b": text("data/b.txt"),
    "c": text("data/c.txt"),
    "table": own(Table, table_name="t"),
    "again": own(Table, table_name="u"),
}


class VectorStoreDataset(Lines):
    """What it loads can write where it came from, as its name says."""


def same(*data: Any) -> Any:
    """A node's function."""
    return data[0]


class TestRefused:
    """A run of nodes whose outputs cannot all be saved."""

    @pytest.fixture
    def begin(self, checkout: Any) -> Callable[..., None]:
        """Begins a run of nodes on feature/x."""
        saved_on_main(checkout, {"a": CONFIG["a"]}, a="old")

        def begin(*nodes: Any, hook: SteelToes | None = None, **params: Any) -> None:
            chosen = hook or SteelToes()
            catalog = checkout.catalog(CONFIG, chosen)
            chosen.before_pipeline_run(run_params=params, pipeline=pipeline(list(nodes)), catalog=catalog)

        return begin

    def test_all_in_one(self, begin: Callable[..., None]) -> None:
        """The error names each of them with its reason, and what can be done."""
        nodes = [("a", "table"), ("a", "b"), ("b", "again")]
        with pytest.raises(RunRefusedError) as raised:
            begin(*[node(same, source, target, name=f"make_{target}") for source, target in nodes])
        message = str(raised.value)
        assert "on branch feature/x. Nothing was run: 2 datasets would be refused." in message
        assert "\n- table (" in message
        assert "\n- again (" in message
        assert 'SteelToes(shared=["table", "again"])' in message
        assert str(pickle.loads(pickle.dumps(raised.value))) == message

    def test_only_what_is_run(self, begin: Callable[..., None]) -> None:
        """What no node of the run saves is none of its concern, nor what is shared."""
        begin(node(same, "a", "b", name="two"))
        begin(node(same, "a", "table", name="one"), hook=SteelToes(shared=["table"]))

    def test_only_missing_outputs(self, begin: Callable[..., None]) -> None:
        """Which nodes those are is decided later: the save itself is refused then."""
        begin(node(same, "a", "table", name="one"), only_missing_outputs=True)

    def test_an_unknown_branch(self, begin: Callable[..., None], checkout: Any) -> None:
        """Nothing of it can be saved, and the error says why, once."""
        checkout.git("switch", "-q", "--detach")
        unknown = r"Cannot save b, table: the branch is unknown\..*STEEL_TOES_BRANCH"
        with pytest.raises(BranchUnknownError, match=unknown):
            begin(node(same, "a", "b", name="two"), node(same, "b", "table", name="one"))
        begin(node(print, "a", None, name="only_reads"))

    def test_data_without_a_record(self, begin: Callable[..., None], checkout: Any) -> None:
        """A file that no save would write over is found before the first node, and each is listed."""
        for name in ("b", "c"):
            Path(f"data/{name}--{SLUG}.txt").write_text("somebody's")
        with pytest.raises(RunObstructedError, match="Nothing was run: 2 datasets could not be saved") as refused:
            begin(node(same, "a", "b", name="one"), node(same, "b", "c", name="two"))
        assert str(refused.value).count("There is data without a record") == 2
        assert pickle.loads(pickle.dumps(refused.value)).facts == refused.value.facts
        begin(node(same, "a", "b", name="one"), only_missing_outputs=True)
        assert Path(f"data/b--{SLUG}.txt").read_text() == "somebody's"

    def test_another_projects(self, begin: Callable[..., None], checkout: Any) -> None:
        """A copy of another project is found before the first node."""
        checkout.catalog(CONFIG, SteelToes(project="theirs")).save("b", "theirs")
        with pytest.raises(RunObstructedError, match="belongs to project theirs, and this is project ours"):
            begin(node(same, "a", "b", name="one"), hook=SteelToes(project="ours"))
        begin(node(same, "a", "b", name="one"), hook=SteelToes(project="theirs"))

    def test_a_load(self, checkout: Any) -> None:
        """What a node loads, and could write main's through, is refused too."""
        saved_on_main(checkout, {"a": CONFIG["a"]}, a="old")
        config = {"study": {"type": VectorStoreDataset, "filepath": "data/h.txt"}, "b": CONFIG["b"]}
        hook = SteelToes()
        catalog = checkout.catalog(config, hook)
        nodes = pipeline([node(same, "study", "b", name="n")])
        with pytest.raises(RunRefusedError, match="- study "):
            hook.before_pipeline_run(run_params={}, pipeline=nodes, catalog=catalog)
