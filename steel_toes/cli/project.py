"""The Kedro project that the commands are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from kedro.framework.project import pipelines, settings, validate_settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project

from steel_toes import errors, sentences
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.promote import Lineage
from steel_toes.catalog.install import Configurations, configurations, install
from steel_toes.catalog.make import make_policy
from steel_toes.catalog.writer import code_of
from steel_toes.checkout.identity import Identity, Upstream
from steel_toes.checkout.provenance import Provenance
from steel_toes.cli.options import session_options
from steel_toes.cli.output import say, with_near
from steel_toes.datasets.registry import Config
from steel_toes.hook import CatalogAction, SteelToes, commanded, settings_of
from steel_toes.naming.branch import Branch
from steel_toes.redaction import shown
from steel_toes.settings import Settings


class Project:
    """The Kedro project around the working directory, with the catalog and the settings that its runs have.

    Args:
        datasets: names of entries that somebody asks for, and that only a pattern may make.
        branch_name: the name of another branch than the current one.
        needs_hook: whether SteelToes must be among its hooks; else what branches left is found without it, too.
        follows_records: whether its catalog finds copies of another layout than the project's.

    Raises:
        ClickException: there is no project, it cannot be loaded, or SteelToes is not among its hooks.
    """

    def __init__(
        self,
        datasets: Sequence[str] = (),
        branch_name: str | None = None,
        *,
        needs_hook: bool = True,
        follows_records: bool = False,
    ) -> None:
        path = find_kedro_project(Path.cwd())
        if path is None:
            raise click.ClickException(sentences.NO_PROJECT.format(folder=Path.cwd()))
        self.path = Path(path)
        self._datasets = datasets
        _load_project(self.path)
        self._hooks = [hook for hook in settings.HOOKS if isinstance(hook, SteelToes)]
        if self._hooks:
            self.settings = settings_of(self._hooks[0])
        elif needs_hook:
            raise click.ClickException(sentences.NO_HOOK)
        else:
            # After a rollback somebody must still be able to clean up.
            self.settings = Settings()
            say(sentences.WARNING_ON_SCREEN.format(warning=sentences.WITHOUT_HOOK))
        self.env: str | None = None
        self.is_enabled = self.settings.is_enabled
        self.branch = self.settings.find_branch(self.path, branch_name)
        self.policy = make_policy(self.settings, self.branch, self.path)
        if follows_records:
            self.policy = replace(self.policy, follows_records=True)
        if self.branch.warning:
            say(sentences.WARNING_ON_SCREEN.format(warning=self.branch.warning))

    @property
    def why_aside(self) -> str:
        """Why steel_toes steps aside here; "" if it does not."""
        if not self.is_enabled:
            return sentences.SWITCHED_OFF
        if self.branch.is_main:
            return sentences.BRANCH_IS_MAIN.format(branch=self.branch.name)
        return ""

    def check_may_write(self, command: str) -> None:
        """Refuse a command that changes something, where this process is read-only.

        Raises:
            ClickException: it is.
        """
        source = self.policy.read_only
        if source:
            raise click.ClickException(sentences.NOT_READ_ONLY.format(command=command, source=source))

    def check_has_copies(self) -> None:
        """Refuse a command that is about branch copies, where there are none.

        Raises:
            ClickException: steel_toes steps aside, or the branch is unknown.
        """
        why = self.why_aside or self.branch.why
        if why:
            raise click.ClickException(sentences.NO_COPIES_HERE.format(why=why.rstrip(".")))

    @property
    def identity(self) -> Identity:
        """Whose records a run here would write."""
        writer = self.policy.identity.value.writer
        return Identity(writer.project, writer.commit, writer.dirty, Upstream(writer.upstream, writer.remote))

    @property
    def provenance(self) -> Provenance:
        """What the code of this checkout is."""
        locations = self.inventory.policy.catalog.locations
        return code_of(self.policy.identity.value, self.settings.code, locations, self.policy.project_path)

    @cached_property
    def catalog(self) -> Any:
        """The catalog as a run on the branch has it, with the options of the running command and what hooks do to it.

        Raises:
            ClickException: Kedro refuses to make it.
        """
        return self._make_catalog(self._install)

    def catalog_on(self, branch_name: str) -> Any:
        """The catalog as a run on a branch has it.

        Raises:
            ClickException: Kedro refuses to make it.
        """
        policy = make_policy(self.settings, Branch(branch_name, "--branch"), self.path)
        policy = replace(policy, follows_records=True)
        return self._make_catalog(lambda catalog: install(catalog, policy))

    def _make_catalog(self, prepare: CatalogAction) -> Any:
        # An empty environment is `KEDRO_ENV`'s, as for `kedro run`.
        options = session_options()._asdict()
        with _kedros_refusals(), ExitStack() as commands:
            for hook in self._hooks:
                commands.enter_context(commanded(hook, prepare))
            session = commands.enter_context(KedroSession.create(project_path=self.path, **options))
            context = session.load_context()  # type: ignore[attr-defined]  # Kedro says AbstractSession
            self.env = context.env
            return context.catalog

    def _install(self, catalog: Any) -> None:
        """In the hook's place, before other hooks look at the catalog, or save to it."""
        # A hook may save to it.
        if self.policy.read_only or not self.why_aside:
            install(catalog, self.policy)

    @cached_property
    def configs(self) -> Configurations:
        """The configurations of the entries, patterns' included that anything uses, and those of the patterns."""
        catalog = self.catalog
        with _kedros_refusals():
            # A pattern's entries exist only by the names that pipelines, or somebody at the prompt, use.
            names = set(self._datasets)
            for pipeline in pipelines.values():
                if pipeline:
                    names.update(pipeline.datasets())
            entries = [name for name in sorted(names) if name in catalog and not name.startswith("params:")]
            return configurations(catalog, entries)

    @cached_property
    def inventory(self) -> Inventory:
        """What branches hold."""
        explicit, patterns = self.configs
        policy = self.policy.surveyed(explicit.values(), patterns.values())
        return Inventory(policy, explicit, patterns, self.settings.mains)

    def entries(self, pipeline: str | None = None, names: Sequence[str] = ()) -> dict[str, Config]:
        """The entries of these names, else those of a pipeline, else all.

        Raises:
            UsageError: there is no such pipeline, or no such entry.
        """
        explicit = self.configs.explicit
        # Parameters and unused patterns are no entries.
        choices = set(explicit)
        why_unknown = sentences.NOT_IN_CATALOG
        if pipeline is not None:
            choices &= _datasets_of(pipeline)
            why_unknown = sentences.NOT_IN_PIPELINE
        unknown = sorted(set(names) - choices)
        if unknown:
            raise click.UsageError(why_unknown.format(pipeline=pipeline, names=with_near(unknown, choices)))
        return {name: explicit[name] for name in sorted(names or choices)}

    @property
    def lineage(self) -> Lineage:
        """In which order the project's pipelines make its datasets, and each from what."""
        order: dict[str, int] = {}
        inputs: dict[str, set[str]] = {}
        for pipeline in filter(None, pipelines.values()):
            for node in pipeline.nodes:
                for output in node.outputs:
                    order.setdefault(output, len(order))
                    inputs.setdefault(output, set()).update(node.inputs)
        return Lineage(order, inputs)

    @cached_property
    def outputs(self) -> set[str]:
        """What the project's pipelines save."""
        outputs: set[str] = set()
        for pipeline in pipelines.values():
            if pipeline:
                outputs |= pipeline.all_outputs()
                # A confirmation is a save, too.
                outputs.update(name for node in pipeline.nodes for name in node.confirms)
        return outputs

    def shown(self, path: str) -> str:
        """A path as people read it, and can paste it: from the project's folder, if they are there."""
        if Path.cwd() != self.path:
            return path
        return path.removeprefix(f"{self.path.as_posix()}/")


def _datasets_of(pipeline: str) -> set[str]:
    """The datasets that a pipeline of the project uses.

    Raises:
        UsageError: the project has no such pipeline.
    """
    if pipeline not in pipelines:
        raise click.UsageError(sentences.NO_PIPELINE.format(pipeline=pipeline, pipelines=", ".join(sorted(pipelines))))
    return set(pipelines[pipeline].datasets())


def _load_project(path: Path) -> None:
    """Make the project's settings and pipelines importable, as `kedro run` does.

    Raises:
        ClickException: that fails. It would look as if there were no hooks in a settings.py that fails.
    """
    try:
        bootstrap_project(path)
        validate_settings()
    except errors.SteelToesError:
        raise
    except Exception as exc:
        message = sentences.BROKEN_PROJECT.format(folder=path, error=f"{type(exc).__name__}: {exc}")
        raise click.ClickException(message) from exc


@contextmanager
def _kedros_refusals() -> Iterator[None]:
    """Turn whatever Kedro, OmegaConf or a project's own code raises while a catalog is made into one line.

    Raises:
        ClickException: that.
    """
    try:
        yield
    except (errors.SteelToesError, click.ClickException):
        raise
    except Exception as exc:
        # Their messages have lines of their own, and some a last full stop.
        reason = " ".join(str(exc).split()).rstrip(".")
        message = sentences.NO_CATALOG.format(error=f"{type(exc).__name__}: {reason}")
        raise click.ClickException(shown(message)) from exc
