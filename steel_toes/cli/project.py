"""The Kedro project that the commands are about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project

from steel_toes.actions.clean import Janitor
from steel_toes.catalog.install import configurations, install
from steel_toes.datasets.registry import Config
from steel_toes.hook import SteelToes
from steel_toes.settings import is_enabled


class Project:
    """The Kedro project around the working directory, with the catalog and the hook that its runs have.

    Args:
        asked: names of entries that somebody asks for, and that only a pattern may make.
        branch: the name of another branch than the current one.

    Raises:
        ClickException: there is no project, or SteelToes is not among its hooks.
    """

    def __init__(self, asked: Sequence[str] = (), branch: str | None = None) -> None:
        path = find_kedro_project(Path.cwd())
        if path is None:
            raise click.ClickException(f"{Path.cwd()} is in no Kedro project. Go to the project's folder.")
        self.path, self.asked, self.enabled = Path(path), asked, is_enabled(os.environ)
        bootstrap_project(self.path)
        hooks = [hook for hook in settings.HOOKS if isinstance(hook, SteelToes)]
        if not hooks:
            remedy = "Put `from steel_toes import SteelToes` and `HOOKS = (SteelToes(),)` into it."
            raise click.ClickException(f"SteelToes is not among the HOOKS of the project's settings.py. {remedy}")
        self.hook: SteelToes = hooks[0]
        self.branch = self.hook.branch(self.path, branch)
        self.redirection = self.hook.redirection(self.branch, self.path)

    @property
    def aside(self) -> str:
        """Why steel_toes steps aside here; "" if it does not."""
        if not self.enabled:
            return "STEEL_TOES_ENABLED is false"
        return f"{self.branch.name} is main" if self.branch.is_main else ""

    @cached_property
    def configs(self) -> tuple[dict[str, Config], dict[str, Config]]:
        """The configurations of the entries, patterns' included that anything uses, and those of the patterns."""
        used = {name for pipeline in pipelines.values() if pipeline for name in pipeline.datasets()}
        names = [name for name in sorted({*used, *self.asked}) if name in self.plain and not name.startswith("params:")]
        return configurations(self.plain, names)

    @cached_property
    def plain(self) -> Any:
        """The catalog as Kedro makes it."""
        before = os.environ.pop("STEEL_TOES_ENABLED", None)
        os.environ["STEEL_TOES_ENABLED"] = "false"
        try:
            with KedroSession.create(project_path=self.path, env=os.environ.get("KEDRO_ENV")) as session:
                return session.load_context().catalog  # type: ignore[attr-defined]  # Kedro says AbstractSession
        finally:
            del os.environ["STEEL_TOES_ENABLED"]
            os.environ.update({} if before is None else {"STEEL_TOES_ENABLED": before})

    @cached_property
    def catalog(self) -> Any:
        """The catalog as the branch sees it."""
        assert self.configs  # read before the catalog is another
        install(self.plain, self.redirection)
        return self.plain

    @cached_property
    def janitor(self) -> Janitor:
        """What branches hold, and its removal."""
        redirection = self.redirection.surveyed(*map(dict.values, self.configs))
        return Janitor(redirection, *self.configs, self.hook.mains)

    def entries(self, pipeline: str | None = None, names: Sequence[str] = ()) -> dict[str, Config]:
        """The entries asked for, else those of a pipeline, else all."""
        if pipeline is not None and pipeline not in pipelines:
            raise click.UsageError(f"No pipeline is named {pipeline}; there are {', '.join(sorted(pipelines))}.")
        known = {*self.configs[0]} & (pipelines[pipeline].datasets() if pipeline else {*self.configs[0]})
        if unknown := sorted({*names} - known):
            whose = f"pipeline {pipeline} does not use" if pipeline else "catalog has no"
            raise click.UsageError(f"The {whose} {', '.join(unknown)}.")
        return {name: self.configs[0][name] for name in sorted({*names} or known)}

    def shown(self, path: str) -> str:
        """A path as people read it: from the project's folder, if it lies there."""
        return path.removeprefix(f"{self.path.as_posix()}/")
