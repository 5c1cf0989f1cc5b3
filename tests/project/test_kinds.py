"""Kinds of which a dataset is more than one file, where people have them: in runs, in `status`, copied, in workers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner, ThreadRunner

from support.project import Project
from support.team import SLUG

CATALOG = """
text: {type: text.TextDataset, filepath: data/01/text.txt}
model: {type: kinds.datasets.TwoFilesDataset, weights: data/02/weights.txt, vocab: data/03/vocab.txt}
months:
  type: CachedDataset
  dataset: {type: partitions.PartitionedDataset, path: data/04/months, dataset: text.TextDataset}
report: {type: text.TextDataset, filepath: data/05/report.txt}
"""
DATASETS = '''
from pathlib import Path

from kedro.io import AbstractDataset


class TwoFilesDataset(AbstractDataset):
    """Two files that are one dataset."""

    def __init__(self, weights, vocab):
        self._weights, self._vocab = Path(weights), Path(vocab)

    def _load(self):
        return self._weights.read_text(), self._vocab.read_text()

    def _save(self, data):
        for path, text in zip((self._weights, self._vocab), data):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _exists(self):
        return self._weights.exists() and self._vocab.exists()

    def _describe(self):
        return {"weights": str(self._weights)}
'''
REGISTRY = """
from kedro.pipeline import Pipeline, node


def train(text):
    return (text + " weights", text + " vocab"), {"june": text}


def report(model, months):
    parts = {name: part() if callable(part) else part for name, part in months.items()}
    return f"{model} {sorted(parts)}"


def register_pipelines():
    nodes = [node(train, "text", ["model", "months"]), node(report, ["model", "months"], "report")]
    return {"__default__": Pipeline(nodes), "report": Pipeline(nodes[1:])}
"""
TAUGHT = 'location_parameters={"kinds.datasets.TwoFilesDataset": ["weights", "vocab"]}'


class Kinds(Project):
    """A project with such datasets."""

    package = "kinds"

    def run(self, runner: Any, **options: Any) -> None:
        """A run of a new session."""
        with self.session() as session:
            session.run(runner=runner, **options)


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kinds]:
    """On feature/x; main's pipeline has run, and its files must be the same when the test is over."""
    files = {
        "conf/base/catalog.yml": CATALOG,
        "src/kinds/datasets.py": DATASETS,
        "src/kinds/pipeline_registry.py": REGISTRY,
        "src/kinds/settings.py": f"from steel_toes import SteelToes\n\nHOOKS = (SteelToes({TAUGHT}),)\n",
        "data/01/text.txt": "main's",
    }
    kinds = Kinds.committed(tmp_path / "kinds", files, monkeypatch)
    monkeypatch.chdir(kinds.folder)
    kinds.run(SequentialRunner())
    kinds.mains = kinds.files()
    kinds.switch("feature/x")
    yield kinds
    kinds.assert_main_unchanged()


def shown(catalog: Any) -> tuple[Any, dict[str, str]]:
    """What the two give."""
    months = {name: part() if callable(part) else part for name, part in catalog.load("months").items()}
    return catalog.load("model"), months


MAINS = ("main's weights", "main's vocab"), {"june": "main's"}
OURS = ("ours weights", "ours vocab"), {"june": "ours"}


@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner])
def test_a_run(kinds: Kinds, runner: type) -> None:
    """A run reads main's until it has saved its own, whole, and its own from then on, in this run and the next."""
    kinds.run(runner(), pipeline_name="report")
    assert shown(kinds.catalog()) == MAINS
    kinds.catalog().save("text", "ours")
    kinds.run(runner())
    assert shown(kinds.catalog()) == OURS
    kinds.run(runner(), pipeline_name="report")
    report = (kinds.folder / f"data/05/report--{SLUG}.txt").read_text()
    assert report == "('ours weights', 'ours vocab') ['june']"
    sides = {row["dataset"]: (row["side"], row["why"]) for row in kinds.json("status", "model", "months")}
    assert sides == {"model": ("branch", "saved on the branch"), "months": ("branch", "1 file, over main's")}


def test_status_of_main(kinds: Kinds) -> None:
    """Before a save, both are main's; `status` tells where each of the two files would go."""
    rows = {row["dataset"]: row for row in kinds.json("status")}
    assert {name: row["side"] for name, row in rows.items()} == dict.fromkeys(rows, "main")
    assert rows["model"]["bytes"] == len("main's weights") + len("main's vocab")


def sent(catalog: Any) -> DataCatalog:
    """What a worker gets: Kedro's catalog of a session does not go through pickle, its datasets do."""
    datasets = {name: catalog.get(name) for name in ("model", "months")}
    return DataCatalog(pickle.loads(pickle.dumps(datasets)))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, sent])
def test_copies_of_a_catalog(kinds: Kinds, copied: Any) -> None:
    """A catalog that is copied, or sent to a worker, sees the same, and saves to the branch as well."""
    catalog = kinds.catalog()
    assert shown(catalog) == MAINS
    other = copied(catalog)
    assert shown(other) == MAINS
    other.save("model", OURS[0])
    other.save("months", OURS[1])
    assert (other.exists("model"), other.exists("months")) == (True, True)
    for name in ("model", "months"):
        catalog.release(name)
        other.release(name)
    assert shown(catalog) == shown(other) == shown(kinds.catalog()) == OURS


def test_one_of_two_places(kinds: Kinds) -> None:
    """A copy of which one file is gone is an error, never main's, and does not exist."""
    kinds.catalog().save("model", OURS[0])
    (kinds.folder / f"data/03/vocab--{SLUG}.txt").unlink()
    catalog = kinds.catalog()
    assert not catalog.exists("model")
    with pytest.raises(Exception, match="vocab"):
        catalog.load("model")
    assert kinds.json("status", "model")[0]["side"] is None
    catalog.save("model", OURS[0])
    assert catalog.load("model") == OURS[0]
