"""In a run: what is known is not asked for again, `writing` is put ahead of a node, and `complete` behind its save.

What others see of it, who is told of what fails, and in which order records count, on a server that honours conditions.
"""

from __future__ import annotations

import copy
import logging
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner, ThreadRunner
from kedro_datasets.text import TextDataset

from steel_toes.catalog.install import run_of
from steel_toes.datasets.proxy import branched_of
from steel_toes.errors import StoreError
from steel_toes.records.ledger import Ledger
from steel_toes.records.save import Transaction
from support.places import V
from support.runs import RunningTeam, chain, record_name
from support.servers import Server
from support.team import BRANCH, SLUG

pytest.importorskip("s3fs", reason="the store is S3")

TEXT = {"type": "text.TextDataset", "credentials": "own"}
CONF: dict[str, Any] = {name: {**TEXT, "filepath": f"data/02/{name}.txt"} for name in ("a", "b", "c", "d", "warm")}
CONF["v"] = {**TEXT, "filepath": "data/02/v.txt", "versioned": True}
CONF["again"] = CONF["b"]
PUT, RECORD_READ = "PUT", "GET"


@pytest.fixture
def team(moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningTeam]:
    """Main has saved everything; it is known by now that the server honours conditions."""
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with RunningTeam.behind_proxy(moto, tmp_path) as team:
        team.credentials["config_kwargs"] = {"retries": {"max_attempts": 1}}
        names = CONF.keys() - {"again", "warm"}
        team.main_saves(CONF, version=V[0], **{name: f"main's {name}" for name in sorted(names)})
        team.branch(CONF).save("warm", "warm")
        yield team
        team.proxy.faults = ()


def record_of(team: RunningTeam, name: str) -> str:
    """The file name of a record."""
    return record_name(team.branch(CONF), name)


def state_of(team: RunningTeam, name: str) -> str:
    """What another process finds: whose data it loads, or that it cannot."""
    try:
        data = str(team.branch(CONF)[name].load())
    except DatasetError as exc:
        return type(exc).__name__
    return "main's" if data.startswith(f"main's {name}") else "the branch's"


def half_save(team: RunningTeam, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save whose data is there, and that does not finish."""
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "_end", None)
        catalog = team.branch(CONF)
        with pytest.raises(TypeError):
            catalog.save(name, text)


class PastTheClient(TextDataset):
    """Reads by a client of its own, whose answers nobody sees."""

    before_load: Any = None

    def load(self) -> str:
        self.before_load()
        options = {**self._fs.storage_options, "skip_instance_cache": True}
        return fsspec.filesystem("s3", **options).cat_file(str(self._filepath)).decode()


class Doing:
    """A hook of a project, which does something when a node runs."""

    def __init__(self, name: str, act: Any) -> None:
        self.name, self.act = name, act

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        """After the node's function, before its outputs are saved."""
        if node.name == self.name:
            self.act()


class TestKnown:
    """What a run froze, and what it saved, is known by its location."""

    def test_it_is_not_asked_for_again(self, team: RunningTeam) -> None:
        """Each record is read before the first node, once, or once for each name that its location has."""
        nodes = chain("a", "b") + chain("again", "c")
        team.run(CONF, nodes)
        for name, number in {"a": 1, "b": 2, "c": 1}.items():
            assert len(team.spans(RECORD_READ, record_of(team, name))) == number, name
        first_load = min(span.came for span in team.spans("GET", "/02/"))
        assert all(span.came < first_load for span in team.spans(RECORD_READ, "_steel_toes"))

    def test_after_it_records_are_read_again(self, team: RunningTeam) -> None:
        """Another process's save is seen by the same catalog as soon as the run is over."""
        catalog = team.run(CONF, chain("a", "b"))
        team.branch(CONF).save("b", "another's")
        assert catalog.load("b") == "another's"

    def test_it_never_goes_back_to_main(self, team: RunningTeam) -> None:
        """What the run saved and somebody cleans meanwhile is an error, under any name: never main's."""

        def clean() -> None:
            # The next node's: by then the record is in place.
            filesystem = team.filesystem()
            for path in (*filesystem.find(f"{team.url}/_steel_toes"), f"{team.url}/02/b--{SLUG}.txt"):
                if record_of(team, "warm") not in path:
                    filesystem.rm_file(path)

        nodes = chain("a", "b", "c") + pipeline([node(lambda text, _: text, ["again", "c"], "d", name="late")])
        with pytest.raises(DatasetError, match="was removed while this run reads it"):
            team.run(CONF, nodes, None, Doing("make_c", clean))


class TestBehind:
    """A `complete` is put while what comes next goes on."""

    def slow(self, team: RunningTeam, name: str, what: str = "latency") -> None:
        """Something happens to the second put of a record in a run, and to all after it: to its `complete`."""
        team.proxy.strike(what, PUT, record_of(team, name), 2)

    def test_the_next_node_does_not_wait(self, team: RunningTeam) -> None:
        """The next load reads the data while its record is put, and gives it once that is in place."""
        self.slow(team, "b")
        team.run(CONF, chain("a", "b", "c"))
        complete = team.spans(PUT, record_of(team, "b"))[1]
        data_read = team.spans("GET", f"/02/b--{SLUG}.txt")[0]
        data_written = team.spans(PUT, f"/02/c--{SLUG}.txt")[0]
        assert data_read.came < complete.answered < data_written.came
        assert team.branch(CONF).load("c") == "main's abc"

    @pytest.mark.parametrize("later", ["c", "v"])
    def test_records_count_in_the_order_of_the_saves(self, team: RunningTeam, later: str) -> None:
        """A later record waits for the one before it, a version's too, which is put before its save returns.

        No copy counts before what it was made of.
        """
        self.slow(team, "b")
        team.run(CONF, chain("a", "b") + chain("a", later))
        complete_b = team.spans(PUT, record_of(team, "b"))[1]
        complete_later = team.spans(PUT, record_of(team, later))[1]
        assert complete_b.answered <= complete_later.came

    def test_after_one_that_failed_none_is_put(self, team: RunningTeam, caplog: pytest.LogCaptureFixture) -> None:
        """The run fails before anybody calls it finished; what it saved later does not count either."""
        caplog.set_level(logging.INFO, "steel_toes")
        self.slow(team, "b", "403")
        finished: list[str] = []

        class Finished:
            @hook_impl
            def after_pipeline_run(self) -> None:
                finished.append("finished")

        with pytest.raises(StoreError, match="As planned"):
            team.run(CONF, chain("a", "b") + chain("a", "c"), None, Finished())
        team.proxy.faults = ()
        assert not finished
        assert "wrote" not in caplog.text
        assert [state_of(team, name) for name in ("b", "c")] == ["main's", "main's"]
        team.run(CONF, chain("a", "b") + chain("a", "c"))
        assert [state_of(team, name) for name in ("b", "c")] == ["the branch's", "the branch's"]

    @pytest.mark.parametrize("name", ["b", "again"])
    def test_whoever_uses_it_is_told(self, team: RunningTeam, name: str, caplog: pytest.LogCaptureFixture) -> None:
        """The next use of the location, by whatever name, fails; the log of the failed run says it, over no error."""
        self.slow(team, "b", "403")
        # The second input makes it come after the first node.
        reading = node(lambda first, second: first + second, [name, "b"], "c", name="make_c")
        nodes = chain("a", "b") + pipeline([reading])
        with caplog.at_level(logging.ERROR), pytest.raises(DatasetError, match="As planned"):
            team.run(CONF, nodes)
        team.proxy.faults = ()
        assert any("could not be recorded" in record.message for record in caplog.records)
        assert state_of(team, "b") == "main's"

    def test_another_process_sees_it_when_it_is_in_place(self, team: RunningTeam) -> None:
        """Until then it reads what it read before: main's, and later the branch's last copy."""
        seen: list[str] = []
        for expected in ("main's", "main's abc"):
            self.slow(team, "b")
            other = Doing("make_c", lambda: seen.append(state_of(team, "d")))
            team.run(CONF, chain("a", "b", "c"), None, other)
            assert team.branch(CONF).load("c") == "main's abc", expected
        assert seen == ["main's", "main's"]

    def test_the_end_waits_for_all(self, team: RunningTeam) -> None:
        """When the run is over every record is in place, with the runner of threads too."""
        for runner in (SequentialRunner(), ThreadRunner()):
            self.slow(team, "d")
            team.run(CONF, chain("a", "b") + chain("a", "c") + chain("a", "d"), runner)
            assert [state_of(team, name) for name in ("b", "c", "d")] == ["the branch's"] * 3

    def test_a_pickle_waits(self, team: RunningTeam) -> None:
        """Whoever gets a pickle of the catalog is another process: the records are in place by then."""
        catalogs: list[Any] = []
        states: list[str] = []

        class Pickling:
            @hook_impl
            def before_pipeline_run(self, catalog: Any) -> None:
                catalogs.append(catalog)

            @hook_impl
            def after_dataset_saved(self, dataset_name: str) -> None:
                pickle.dumps(run_of(catalogs[0]))
                states.append(state_of(team, dataset_name))

        self.slow(team, "b")
        team.run(CONF, chain("a", "b"), None, Pickling())
        assert states == ["the branch's"]

    @pytest.mark.parametrize("says", ["ParallelRunner", "my.DaskRunner", ""])
    def test_only_where_this_process_runs_the_nodes(self, team: RunningTeam, says: str) -> None:
        """Under another runner than Kedro's own two, a save returns when its record is in place."""
        states: list[str] = []

        class Looking:
            @hook_impl
            def after_dataset_saved(self, dataset_name: str) -> None:
                # Not by a request: it would wait for its turn. The proxy notes an answer a moment after it is given.
                end = time.monotonic() + 0.1
                puts: list[Any] = []
                while len(puts) < 2 and time.monotonic() < end:
                    puts = [span for span in team.proxy.spans if span.text == f"PUT {path}"]
                states.append(f"{len(puts)} puts")

        path = f"/{team.url[5:]}/_steel_toes/{SLUG}/{record_of(team, 'b')}"
        self.slow(team, "b")
        team.run(CONF, chain("a", "b"), None, Looking(), says=says)
        assert states == ["2 puts" if says else "1 puts"]


class TestAhead:
    """`writing` is put while the node loads its inputs."""

    def test_while_the_inputs_are_loaded(self, team: RunningTeam) -> None:
        """It is under way before the input has come, and only once."""
        team.proxy.latency_seconds = 0.05
        team.run(CONF, chain("a", "b", "c"))
        for source, target in (("a.txt", "b"), (f"b--{SLUG}.txt", "c")):
            writing, _ = team.spans(PUT, record_of(team, target))
            assert writing.came < team.spans("GET", f"/02/{source}")[0].answered

    def test_what_is_not_used_is_taken_back(self, team: RunningTeam) -> None:
        """A node that fails leaves no `writing`: the branch reads what it read before."""

        def fail() -> None:
            raise ZeroDivisionError

        for expected in ("main's", "the branch's"):
            with pytest.raises(ZeroDivisionError):
                team.run(CONF, chain("a", "b"), None, Doing("make_b", fail))
            record = team.filesystem().cat_file(f"{team.url[5:]}/_steel_toes/{SLUG}/{record_of(team, 'b')}")
            assert b'"complete"' in record
            assert b'"writing"' not in record
            assert state_of(team, "b") == expected
            team.run(CONF, chain("a", "b"))

    def test_a_stranger_since_the_run_began(self, team: RunningTeam) -> None:
        """A file that appears at the copy's place after the run has begun is not written over."""
        path = f"{team.url[5:]}/02/c--{SLUG}.txt"
        putting = Doing("make_b", lambda: team.filesystem().pipe_file(path, b"a stranger's"))
        with pytest.raises(DatasetError, match="without a record"):
            team.run(CONF, chain("a", "b", "c"), None, putting)
        assert team.filesystem().cat_file(path) == b"a stranger's"
        assert state_of(team, "c") == "main's"

    def test_another_run_overtakes(self, team: RunningTeam) -> None:
        """Another process that saves between the two is no conflict: the last one counts, as in Kedro."""
        for _ in range(2):
            overtaking = Doing("make_b", lambda: team.branch(CONF).save("b", "another's"))
            team.run(CONF, chain("a", "b"), None, overtaking)
            assert team.branch(CONF).load("b") == "main's ab"

    def test_cleaned_meanwhile(self, team: RunningTeam) -> None:
        """A record that `clean` takes between the two is put again with the save."""
        path = f"{team.url[5:]}/_steel_toes/{SLUG}/{record_of(team, 'b')}"
        team.run(CONF, chain("a", "b"), None, Doing("make_b", lambda: team.filesystem().rm_file(path)))
        assert team.branch(CONF).load("b") == "main's ab"

    def test_a_save_that_keeps_something(self, team: RunningTeam) -> None:
        """An append begins by itself: it must know what it keeps."""
        conf = {**CONF, "b": {**CONF["b"], "fs_args": {"open_args_save": {"mode": "a"}}}}
        team.proxy.latency_seconds = 0.02
        team.run(conf, chain("a", "b"))
        writing, _ = team.spans(PUT, record_of(team, "b"))
        assert writing.came >= team.spans("GET", "/02/a.txt")[0].answered
        assert team.branch(conf).load("b") == "main's bmain's ab"


class TestIgnoredConditions:
    """A server that ignores conditions."""

    def test_nothing_is_put_behind(self, rclone: Server, tmp_path: Path) -> None:
        """There a save returns when its record has stayed for a while."""
        states: list[str] = []
        with RunningTeam.behind_proxy(rclone, tmp_path) as team:
            team.main_saves(CONF, a="main's a")

            class Looking:
                @hook_impl
                def after_dataset_saved(self, dataset_name: str) -> None:
                    states.append(state_of(team, dataset_name))

            team.run(CONF, chain("a", "b", "c"), None, Looking())
        assert states == ["the branch's", "the branch's"]


def test_two_servers_with_one_bucket(moto: Server, open_moto: Server, tmp_path: Path) -> None:
    """What is known of a record on one server says nothing of another's, in whose bucket it has the same name."""
    teams = [RunningTeam.in_bucket(server, tmp_path, "twins").made() for server in (moto, open_moto)]
    for team, text in zip(teams, ("first", "second"), strict=True):
        team.main_saves(CONF, a=f"main's {text}")
    conf = {name: {**CONF["a"], "credentials": name} for name in ("one", "two")}
    credentials = {name: team.credentials for name, team in zip(conf, teams, strict=True)}
    catalog = DataCatalog.from_config(teams[0].placed(conf), copy.deepcopy(credentials))
    hook = teams[0].hook(BRANCH)
    hook.after_catalog_created(catalog)
    nodes = pipeline([node(lambda: "new", None, "one", name="one"), node(str.upper, "two", "told", name="two")])
    hook.before_pipeline_run({"runner": "None"}, nodes, catalog)
    catalog.save("one", "new")
    assert (catalog.load("one"), catalog.load("two")) == ("new", "main's second")
    hook.after_pipeline_run({"runner": "None"}, nodes, catalog)
    assert (catalog.load("one"), catalog.load("two")) == ("new", "main's second")
    for team in teams:
        team.slugs.add(SLUG)
        team.check()


def test_a_folder_on_two_servers(moto: Server, open_moto: Server, tmp_path: Path) -> None:
    """What is listed of a folder on one server says nothing of the folder of that name on the other."""
    teams = [RunningTeam.in_bucket(server, tmp_path, "folders").made() for server in (moto, open_moto)]
    conf = {"b": {**CONF["b"], "credentials": "one"}, "c": {**CONF["c"], "credentials": "two"}}
    for team, name in zip(teams, conf, strict=True):
        team.main_saves(CONF, **{name: f"main's {name}"})
    credentials = {name: team.credentials for name, team in zip(("one", "two"), teams, strict=True)}
    catalog = DataCatalog.from_config(teams[0].placed(conf), copy.deepcopy(credentials))
    hook = teams[0].hook(BRANCH)
    hook.after_catalog_created(catalog)
    nodes = pipeline([node(lambda name=name: name, None, name, name=name) for name in conf])
    hook.before_pipeline_run({"runner": "None"}, nodes, catalog)
    SequentialRunner().run(nodes, catalog)
    hook.after_pipeline_run({"runner": "None"}, nodes, catalog)
    for team, name in zip(teams, conf, strict=True):
        place = branched_of(catalog[name]).place
        assert not place.has_main_changed(place.ledger.read().settled), f"{name} began as another server's"
        team.slugs.add(SLUG)
        team.check()


class CountingText(TextDataset):
    """It reads what is there by the store's client, and writes by another that nobody watches."""

    def save(self, data: str) -> None:
        number = len(super().load()) if self._exists() else 0
        path = self._get_save_path()
        other = type(self._fs)(**{**self._fs.storage_options, "skip_instance_cache": True})
        other.pipe_file(str(path), f"{data} after {number}".encode())

    _exists = TextDataset._exists


class FailingText(TextDataset):
    """Its save fails before it writes anything."""

    def save(self, data: str) -> None:
        raise DatasetError(data)


APPEND = {"fs_args": {"open_args_save": {"mode": "a"}}}
PARTS = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": "own"}


class TestAttacked:
    """What a run got wrong when it was attacked."""

    def test_reads_and_then_writes_past_the_client(self, team: RunningTeam) -> None:
        """What a save reads is no evidence of what it wrote."""
        conf = {**CONF, "b": {**CONF["b"], "type": CountingText}}
        for data in ("one", "two"):
            team.branch(conf).save("b", data)
            assert team.branch(conf).load("b").startswith(data)

    @pytest.mark.parametrize("name", ["a", "other_a"])
    def test_a_hook_saves_a_free_input(self, team: RunningTeam, name: str) -> None:
        """What a hook saves in the run is read from then on, under any name, though the run only reads it."""
        conf = {**CONF, "other_a": CONF["a"]}
        catalogs: list[Any] = []

        class Saving:
            @hook_impl
            def before_pipeline_run(self, catalog: Any) -> None:
                catalogs.append(catalog)

            @hook_impl
            def after_node_run(self, node: Any) -> None:
                if node.name == "make_b":
                    catalogs[0].save(name, "a hook's")

        late = pipeline([node(lambda first, _: first, ["a", "b"], "c", name="make_c")])
        team.run(conf, chain("a", "b") + late, None, Saving())
        assert team.branch(conf).load("c") == "a hook's"

    def test_what_a_run_froze_ends_with_it(self, team: RunningTeam) -> None:
        """Afterwards the same catalog saves and loads as any, and runs again."""
        catalog = team.run(CONF, chain("a", "b"))
        catalog.save("a", "new")
        assert catalog.load("a") == "new"
        hook = team.hook(BRANCH)
        for nodes, expected in ((chain("a", "c"), "newc"), (chain("d", "a", "c"), "main's dac")):
            told = {"run_params": {"runner": "None"}, "pipeline": nodes, "catalog": catalog}
            hook.before_pipeline_run(**told)
            SequentialRunner().run(nodes, catalog)
            hook.after_pipeline_run(**told)
            assert catalog.load("c") == expected

    def test_two_outputs_on_one_location(self, team: RunningTeam) -> None:
        """`writing` is put ahead once, and taken back."""
        nodes = pipeline([node(lambda text: 1 / 0, "a", ["b", "again"], name="make_b")])
        with pytest.raises(ZeroDivisionError):
            team.run(CONF, nodes)
        record = team.filesystem().cat_file(f"{team.url[5:]}/_steel_toes/{SLUG}/{record_of(team, 'b')}")
        assert b'"writing"' not in record

    def test_a_hook_that_appends(self, team: RunningTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """A hook may change what a node's save does when it is begun already: it begins again, by what it does now."""
        team.branch(CONF).save("b", "whole")
        half_save(team, "b", "torn", monkeypatch)

        class Appends:
            @hook_impl
            def before_node_run(self, catalog: DataCatalog) -> None:
                catalog["b"]._fs_open_args_save["mode"] = "a"

        with pytest.raises(DatasetError, match=r"Cannot append to b: its branch copy .* is torn"):
            team.run(CONF, chain("a", "b"), None, Appends())

    def test_equal_bytes_that_were_others_in_between(self, team: RunningTeam) -> None:
        """What read past the client may have met bytes that came back since: another save's record means once more."""
        conf = {**CONF, "b": {**CONF["b"], "type": PastTheClient}}
        team.branch(CONF).save("b", "equal bytes")
        loads: list[str] = []

        def save_twice_in_the_first_load() -> None:
            loads.append("load")
            if len(loads) == 1:
                team.branch(CONF).save("b", "others")
                team.branch(CONF).save("b", "equal bytes")

        PastTheClient.before_load = staticmethod(save_twice_in_the_first_load)
        assert team.branch(conf).load("b") == "equal bytes"
        assert loads == ["load", "load"]
        assert team.branch(conf).load("b") == "equal bytes"
        assert len(loads) == 3

    def test_a_save_beside_one_that_lives(self, team: RunningTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """A save that found another's doubt looks at its data when it ends: what was answered may be gone by then."""
        place = branched_of(team.branch(CONF)["b"]).place
        half_save(team, "b", "the other's", monkeypatch)

        identities = Transaction.identities

        def identities_late(transaction: Transaction, look: Any) -> Any:
            team.filesystem().pipe_file(place.branch_path, b"the other's, once more")
            return identities(transaction, look)

        monkeypatch.setattr(Transaction, "identities", identities_late)
        catalog = team.branch(CONF)
        catalog.save("b", "ours")
        monkeypatch.undo()
        # What is recorded is what is there, whosever it is: the last one counts.
        assert team.branch(CONF).load("b") == "the other's, once more"

    def test_main_saves_before_a_node_appends(self, team: RunningTeam) -> None:
        """What a save keeps of main's is what is there when it begins, not when the run began; its record says so."""
        conf = {**CONF, "log": {**CONF["b"], "filepath": "data/02/log.txt", **APPEND}}
        team.main_saves(conf, log="as the run began\n")

        class MainSaves:
            @hook_impl
            def before_node_run(self) -> None:
                team.main_saves(conf, log="since then\n")

        catalog = team.run(conf, chain("a", "log"), None, MainSaves())
        assert team.branch(conf).load("log") == "as the run began\nsince then\nmain's alog"
        place = branched_of(catalog["log"]).place
        assert not place.has_main_changed(place.ledger.read().settled)

    def test_a_partition_of_a_failed_save(self, team: RunningTeam) -> None:
        """What a save that failed has saved whole counts only after what was saved before it."""
        conf = {**CONF, "p": {**PARTS, "path": "data/02/p"}}
        team.proxy.strike("403", PUT, record_of(team, "b"), 2)
        make_p = node(lambda text: {"one": text, "two": lambda: 1 / 0}, "a", "p", name="make_p")
        with pytest.raises(DatasetError):
            team.run(conf, chain("a", "b") + pipeline([make_p]))
        team.proxy.faults = ()
        assert state_of(team, "b") == "main's"
        assert not team.branch(conf).exists("p")

    @pytest.mark.parametrize("text", ["a longer text than it was", "s", ""])
    def test_a_partition_of_an_old_listing(self, team: RunningTeam, text: str) -> None:
        """What another host has saved since a load listed the partitions is read as it is, whatever its length."""
        conf = {"p": {**PARTS, "path": "data/02/p"}}
        team.branch(conf).save("p", {"a": "as it was", "b": "b"})
        loaded = team.branch(conf).load("p")
        here = team.credentials
        # Another client has its own listings.
        team.credentials = {**here, "default_fill_cache": False}
        team.branch(conf).save("p", {"a": text})
        team.credentials = here
        assert [loaded["a"](), loaded["b"](), loaded["a"]()] == [text, "b", text]

    def test_a_partition_that_was_empty(self, team: RunningTeam) -> None:
        """What an old listing calls empty is asked for: the client would read nothing, and be answered nothing."""
        conf = {"p": {**PARTS, "path": "data/02/p"}, "inside": {**CONF["a"], "filepath": "data/02/p/inside"}}
        team.branch(conf).save("p", {"a": "", "deep/a": ""})
        catalog = team.branch(conf)
        first = catalog.load("p")
        here = team.credentials
        team.credentials = {**here, "default_fill_cache": False}
        team.branch(conf).save("p", {"a": "second", "deep/a": "second"})
        team.credentials = here
        assert not catalog.exists("inside")
        assert first["a"]() == "second"
        assert [catalog.load("p")[name]() for name in ("a", "deep/a")] == ["second", "second"]

    def test_a_cache_of_a_refused_save(self, team: RunningTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cache gives what counts: not what a save that was told of another has left in it."""
        conf = {**CONF, "b": {"type": "CachedDataset", "dataset": CONF["b"]}}
        catalog = team.branch(conf)
        end = Ledger._end

        def end_late(ledger: Ledger, *arguments: Any) -> None:
            monkeypatch.setattr(Ledger, "_end", end)
            team.branch(CONF).save("b", "another's")
            end(ledger, *arguments)

        monkeypatch.setattr(Ledger, "_end", end_late)
        with pytest.raises(DatasetError, match="Another run is writing"):
            catalog.save("b", "ours")
        assert catalog.load("b") == "another's"

    def test_an_answer_from_before_the_save(self, team: RunningTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """A record that was asked for before the run saved, by another name, says nothing of what counts now."""
        catalog = team.branch(CONF)
        hook = team.hook(BRANCH)
        nodes = chain("a", "b") + chain("again", "c")
        hook.before_pipeline_run({"runner": "None"}, nodes, catalog)
        look = Ledger.look

        def look_early(ledger: Ledger, *arguments: Any, **more: Any) -> Any:
            monkeypatch.setattr(Ledger, "look", look)
            answer = look(ledger, *arguments, **more)
            catalog.save("b", "saved")
            return answer

        monkeypatch.setattr(Ledger, "look", look_early)
        assert catalog.load("again") == "saved"
        hook.after_pipeline_run({"runner": "None"}, nodes, catalog)

    def test_the_node_takes_long(self, team: RunningTeam, monkeypatch: pytest.MonkeyPatch) -> None:
        """After more than a moment a save looks once more at what it put ahead: a stranger is not written over."""
        monkeypatch.setattr("steel_toes.records.beginning._MOMENT_SECONDS", 0)
        path = f"{team.url[5:]}/02/b--{SLUG}.txt"
        putting = Doing("make_b", lambda: team.filesystem().pipe_file(path, b"a stranger's"))
        with pytest.raises(DatasetError, match="without a record"):
            team.run(CONF, chain("a", "b"), None, putting)
        assert team.filesystem().cat_file(path) == b"a stranger's"
        assert state_of(team, "b") == "main's"
        team.filesystem().rm_file(path)
        for _ in range(2):
            overtaking = Doing("make_b", lambda: team.branch(CONF).save("b", "another's"))
            team.run(CONF, chain("a", "b"), None, overtaking)
            assert team.branch(CONF).load("b") == "main's ab"


class TestUnproven:
    """Before a process knows that the server honours conditions, it puts over nothing that it has not just read."""

    @pytest.mark.parametrize("is_run", [False, True])
    def test_a_record_that_is_kept(
        self, rclone: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_run: bool
    ) -> None:
        """On one that ignores them another's save stays whole: it is read right before ours begins."""
        monkeypatch.setattr("steel_toes.stores.conditions._by_bucket", {})
        with RunningTeam.behind_proxy(rclone, tmp_path) as team:
            team.main_saves(CONF, a="main's a", b="main's b")

            def other(text: str) -> str:
                team.branch(CONF).save("b", "another's")
                # As this process is, which has saved nothing yet.
                monkeypatch.setattr("steel_toes.stores.conditions._by_bucket", {})
                return text

            if is_run:
                failing = node(lambda text: 1 / 0, "text", "b", name="make_b")
                nodes = pipeline([node(other, "a", "text", name="first"), failing])
                with pytest.raises(ZeroDivisionError):
                    team.run(CONF, nodes)
            else:
                catalog = team.branch({"b": {**CONF["b"], "type": FailingText}})
                catalog.load("b")
                other("")
                with pytest.raises(DatasetError):
                    catalog.save("b", "ours")
            assert team.branch(CONF).load("b") == "another's"
