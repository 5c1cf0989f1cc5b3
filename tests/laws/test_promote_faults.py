"""`promote` through a proxy that loses answers, cuts connections and refuses, where stores honour conditions.

Of the writes of a promote some are struck, one in each turn; `STEEL_TOES_STRIDE=1 pytest --everything
tests/laws/test_promote_faults.py` strikes each of them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from steel_toes.errors import CopyError, PromoteRefusedError, StoreError
from support.effort import effort, slow_but
from support.google import GoogleProxy
from support.promoting import Promoting
from support.proxy import Fault, Proxy
from support.servers import of_user
from support.team import BRANCH, Team

pytest.importorskip("kedro_datasets.text", reason="the data is text")

STRIDE = effort(15, 12, "STEEL_TOES_STRIDE")
"""Of how many writes one is struck."""

# By server, and what happens: what one client makes of a lost answer, another does not.
PAIRS = [("weed", "lost"), ("weed", "reset"), ("weed", "403"), ("gcs", "lost"), ("azurite", "lost")]
CASES = slow_but({"weed, lost"}, {", ".join(pair): pair for pair in PAIRS})
QUICK: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"retries": {"max_attempts": 2}, "read_timeout": 5, "connect_timeout": 2}},
    "gs": {"requests_timeout": 5},
    "abfs": {"read_timeout": 5},
}
NUMBERS = itertools.count(1)
MAINS = {"table": "main's", "parts": {"a": "main's a", "b": "main's b"}, "sweep": {"a": "main's a", "b": "main's b"}}
BRANCHS = {
    "table": "the branch's",
    "parts": {"b": "the branch's b", "c": "the branch's c"},
    "sweep": {"a": "the branch's a"},
}
HOME = {
    "table": "the branch's",
    "parts": {"a": "main's a", "b": "the branch's b", "c": "the branch's c"},
    "sweep": {"a": "the branch's a"},
}


def texts_in(values: dict[str, Any]) -> Iterator[str]:
    """The texts of entries, and of their partitions."""
    for value in values.values():
        yield from value.values() if isinstance(value, dict) else [value]


@dataclass
class Site:
    """A team in a bucket behind a proxy, and the entries of one turn: each turn has new ones."""

    team: Team
    proxy: Proxy
    number: int = 0

    def begin(self) -> None:
        """Main has saved, and the branch."""
        self.number = next(NUMBERS)
        # The last turn's promote has changed it.
        self.team.main = self.team.mains()
        self.team.main_saves(self.conf, **MAINS)
        catalog = self.team.branch(self.conf)
        for name, data in BRANCHS.items():
            catalog.save(name, data)
        self.team.check()

    @property
    def conf(self) -> dict[str, Any]:
        """The entries: a file, partitions, and partitions that are overwritten with all others."""
        text = {"type": "text.TextDataset", "credentials": "own"}
        parts = {"type": "partitions.PartitionedDataset", "dataset": "text.TextDataset", "credentials": "own"}
        folder = f"data/{self.number}"
        return {
            "table": {**text, "filepath": f"{folder}/table.txt"},
            "parts": {**parts, "path": f"{folder}/parts"},
            "sweep": {**parts, "path": f"{folder}/sweep", "overwrite": True},
        }

    def bot(self) -> Promoting:
        """Whoever promotes, as a new process."""
        return Promoting(self.team.plain(self.conf), self.team.folder, self.team.hook("main"))

    def end(self) -> None:
        """Call promote as often as somebody must who sees what it says."""
        try:
            self.bot().promote(BRANCH)
        except PromoteRefusedError:
            # One of the same second was taken back, and kept what main had: another second has another name.
            time.sleep(1)
            self.bot().promote(BRANCH)

    def mains(self) -> dict[str, Any]:
        """What plain Kedro loads on main."""
        catalog = self.team.plain(self.conf)
        loaded = {}
        for name in MAINS:
            data = catalog.load(name)
            loaded[name] = {key: load() for key, load in data.items()} if isinstance(data, dict) else data
        return loaded

    def strangers(self) -> list[str]:
        """Main's objects that are neither as main saved them nor as the branch did."""
        known = {*texts_in(MAINS), *texts_in(BRANCHS)}
        return [text for text in texts_in(self.mains()) if text not in known]

    def left(self) -> list[str]:
        """What lies there of the branch, of claims and of their making."""
        paths = self.team.objects()
        marks = ("--feature-x", "/_promote/", "/_probe/")
        # A record that says nothing may stay where a store refuses no deletion.
        return [path for path in paths if any(mark in f"/{path}" for mark in marks) and f"{self.number}/" in path]


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A bucket of a server, behind a proxy."""
    server = request.getfixturevalue(request.param)
    if server.protocol == "s3":
        server = replace(server, sign=of_user("admin"))
    with (GoogleProxy if request.param == "gcs" else Proxy)(server.url) as proxy:
        quick = QUICK[server.protocol]
        through, past = ({**server.sign(url), **quick} for url in (proxy.url, server.url))
        team = Team.in_bucket(server, tmp_path, credentials=through, looking=past)
        yield Site(team.made(), proxy)
        proxy.faults = ()


def writes_of(site: Site) -> int:
    """How many requests of a promote change something."""
    site.begin()
    fault = site.proxy.strike("", "WRITE", "", 10**6)
    site.end()
    assert site.mains() == HOME
    return fault.seen


@pytest.mark.timeout(900 * max(1, 12 // STRIDE))
@pytest.mark.parametrize(("site", "what"), CASES, indirect=["site"])
def test_each_write(site: Site, what: str) -> None:
    """Whichever write it happens to, main's objects are whole, and whoever calls again ends it.

    One whose answer was lost is asked again by the client, and meets its own doing.
    """
    number = writes_of(site)
    assert number > 15
    struck = 0
    for first in range(1, number + 1, STRIDE):
        site.begin()
        plan = site.bot().plan(BRANCH)
        assert not plan.refusals
        fault = site.proxy.strike(what, "WRITE", "", first, 1)
        with suppress(StoreError):
            site.bot().protocol().promote(plan.promotions)
        struck += fault.hits
        site.proxy.faults = ()
        assert site.strangers() == []
        site.end()
        assert site.mains() == HOME, (what, first)
        assert site.left() == [], (what, first)
    assert struck


@pytest.mark.slow
@pytest.mark.timeout(900 * max(1, 12 // STRIDE))
@pytest.mark.parametrize("site", ["weed"], indirect=True)
def test_a_store_that_goes_away(site: Site) -> None:
    """From some write on nothing is answered: an error says so, and what was begun is ended, or taken back."""
    number = writes_of(site)
    for first in range(2, number + 1, STRIDE):
        site.begin()
        bot = site.bot()
        plan = bot.plan(BRANCH)
        site.proxy.faults = (Fault("403", "WRITE", "", first),)
        with pytest.raises(StoreError):
            bot.protocol().promote(plan.promotions)
        site.proxy.faults = ()
        # Perhaps nothing was claimed yet, or all is decided.
        with suppress(CopyError):
            assert site.bot().abandon(BRANCH) == []
        # What had been decided of is ended, and the rest is taken back.
        for name, data in site.mains().items():
            assert data in (MAINS[name], HOME[name]), (name, first)
        site.end()
        assert site.mains() == HOME, first
