"""Runs of pipelines on a branch, as Kedro's sessions make them: a runner, with the hook among its hooks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node, pipeline
from kedro.runner import SequentialRunner

from steel_toes.datasets.proxy import branched_of
from support.proxy import Proxy, Span
from support.servers import Server
from support.team import BRANCH, Team


class RunningTeam(Team):
    """A team in a bucket, whose branch reaches the store through a proxy; main's objects are looked at past it."""

    proxy: Proxy

    @classmethod
    @contextmanager
    def behind_proxy(cls, server: Server, folder: Path, latency_seconds: float = 0) -> Iterator[Any]:
        """A team on a server; main must be as it was when the block is over."""
        with Proxy(server.url, latency_seconds=latency_seconds) as proxy:
            through = replace(server, url=proxy.url)
            team = cls.in_bucket(through, folder, looking=server.credentials).made()
            team.proxy = proxy
            yield team
            team.check()

    def fresh(self) -> None:
        """Forget the clients and the requests of the processes before."""
        fsspec.get_filesystem_class(self.protocol).clear_instance_cache()
        self.proxy.clear()

    def run(
        self,
        conf: dict[str, Any],
        nodes: Pipeline,
        runner: Any = None,
        *more_hooks: Any,
        branch: str | None = BRANCH,
        says: str = "",
    ) -> DataCatalog:
        """A new process on a branch runs a pipeline; without a branch, plain Kedro does.

        Args:
            conf: of the catalog.
            nodes: the pipeline.
            runner: Kedro's, of which the hooks are told; SequentialRunner without one.
            more_hooks: of the project.
            branch: whose.
            says: what the hooks are told of the runner, if it is something else.
        """
        self.fresh()
        runner = runner or SequentialRunner()
        catalog = self.plain(conf)
        manager = _create_hook_manager()
        if branch:
            hook = self.hook(branch)
            manager.register(hook)
            hook.after_catalog_created(catalog)
        # Of two that say nothing of their order the last one is called first.
        for hook in more_hooks:
            manager.register(hook)
        told = {"run_params": {"runner": says or str(runner)}, "pipeline": nodes, "catalog": catalog}
        manager.hook.before_pipeline_run(**told)
        try:
            result = runner.run(nodes, catalog, hook_manager=manager)
        except Exception as exc:
            manager.hook.on_pipeline_error(error=exc, **told)
            raise
        manager.hook.after_pipeline_run(run_result=result, **told)
        return catalog

    def spans(self, kind: str, path: str) -> list[Span]:
        """The requests of a kind about a path, in the order in which they came."""
        spans = [span for span in self.proxy.spans if span.text.startswith(f"{kind} ") and path in span.text]
        return sorted(spans, key=lambda span: span.came)


def record_name(catalog: DataCatalog, name: str) -> str:
    """The file name of an entry's record."""
    path: str = branched_of(catalog[name]).place.ledger.path
    return path.rpartition("/")[2]


def chain(*names: str) -> Pipeline:
    """A pipeline of one node after another, each of which adds the name of what it makes to what it reads."""
    nodes = []
    for source, target in itertools.pairwise(names):
        nodes.append(node(lambda data, target=target: data + target, source, target, name=f"make_{target}"))
    return pipeline(nodes)
