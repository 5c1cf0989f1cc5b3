"""`SteelToes`: the one line in settings.py."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from steel_toes.checkout.code import LoadedCode
from steel_toes.errors import CopyError
from steel_toes.naming.roots import checked_roots
from steel_toes.records.node import note_node
from steel_toes.redaction import logger_of
from steel_toes.sentences import (
    BRANCHED_TWICE,
    ON_BRANCH,
    ON_BRANCH_READ_ONLY,
    ON_MAIN_READ_ONLY,
    ON_UNKNOWN_BRANCH,
    RECORD_NOT_PUT,
    SWITCHED_OFF_ON_BRANCH,
    WARNING_IN_LOG,
)
from steel_toes.settings import Parameters, Settings

if TYPE_CHECKING:
    from steel_toes.catalog.policy import Policy
    from steel_toes.records.run import Run

logger = logger_of("steel_toes")

CatalogAction = Callable[[Any], object]


class SteelToes:
    """Kedro hooks that give each Git branch its own copy of the data that it writes.

    On a branch, every save goes to the branch's copy; every load reads the branch's copy once there is one, and
    main's otherwise. On main, and with `STEEL_TOES_ENABLED=false`, the catalog is left as Kedro made it, unless it is
    read-only: then nothing is written there either.

        # settings.py
        from steel_toes import SteelToes
        HOOKS = (SteelToes(),)

    Args:
        branch: the branch's name, if neither `STEEL_TOES_BRANCH`, CI nor Git is to be asked.
        main: the branch whose data everybody reads; else `STEEL_TOES_MAIN`, else `main` and `master`.
        layout: how main's location becomes the branch copy's: "suffix" (`companies--feature-x.csv`), "bucket"
            (`s3://team-data--feature-x/companies.csv`; locations without a bucket take the suffix) or "prefix"
            (`_branches/feature-x/companies.csv`, below the bucket or the first folder of the project, or below `root`).
        records: the folder where records are kept, if not beside the data.
        project: the project's name in records; else `STEEL_TOES_PROJECT`, else the Git remote's URL.
        shared: entries that are not branched, but read and written in main's place: names, name patterns
            (`raw_*`), type names (`pandas.SQLTableDataset`) or classes.
        location_parameters: for dataset classes of your own, the parameter that says where the data is:
            `{"my_package.ShapeDataset": "folder"}`; a list if there are several, each of which moves to the branch;
            with dots if it is inside another (`"dataset.filepath"`). It says, too, that each save replaces what was
            there, unless the class builds on one of kedro-datasets' and has a save of its own.
        source_parameters: for dataset classes of your own, parameters that name a file which is only read:
            `{"my_package.ReportDataset": ["template"]}`.
        create_buckets: with layout "bucket", make the branch's bucket at its first save, and mark it as ours.
        record_author: whether records name the user and the host that wrote them.
        read_only: whether nothing is written from this process, on main neither; else `STEEL_TOES_READ_ONLY`.
        root: with layout "prefix", the place below which all copies and their records lie: `s3://team-scratch/{project}`
            or an absolute path, on the store of the data; `{project}` becomes the project's slug. Of several stores, a
            mapping by protocol: `{"s3": "s3://team-scratch", "file": "/scratch"}`; the copies of one that it leaves out
            lie beside its data. Whoever changes it cleans the branches first: nothing looks below a former root.
        code: which files are code beside the project's own, by paths from the top of the repository: a shared library
            (`"libs/shared"`); one that begins with `!` is taken out. A record says what the code was.

    Raises:
        ConfigurationError: a value that cannot be used.
    """

    def __init__(
        self,
        *,
        branch: str | None = None,
        main: str | None = None,
        layout: str = "suffix",
        records: str | os.PathLike[str] | None = None,
        project: str | None = None,
        shared: Sequence[str | type] = (),
        location_parameters: Parameters | None = None,
        source_parameters: Parameters | None = None,
        create_buckets: bool = False,
        record_author: bool = True,
        code: Sequence[str] = (),
        read_only: bool = False,
        root: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
    ) -> None:
        self._settings = Settings(
            branch_name=branch,
            main_name=main,
            layout=layout,
            records_folder=os.fspath(records) if isinstance(records, os.PathLike) else records,
            project=project,
            shared=shared,
            location_parameters=location_parameters or {},
            source_parameters=source_parameters or {},
            create_buckets=create_buckets,
            record_author=record_author,
            code=code,
            read_only=read_only,
            roots=checked_roots(root),
        )
        # Kedro gives it when the context is made; without a context it is looked for.
        self._project_path: Path | None = None
        # Of the last one: a run says its own again.
        self._session_facts: dict[str, Any] = {}
        # Of a command, in the place of what a run does.
        self._command: CatalogAction | None = None
        # Made together with the code: a reload makes both anew.
        self._code = LoadedCode()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Learn where the project is: Git is asked from there, whatever the working directory."""
        self._project_path = Path(context.project_path)
        loader = getattr(context, "config_loader", None)
        params = getattr(loader, "runtime_params", None)
        self._session_facts = {"env": getattr(context, "env", None), "runtime_params": params}

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: Any, save_version: str | None = None) -> None:
        """Redirect the catalog, before other plugins look at it.

        Raises:
            ConfigurationError: the root of all copies has the project's name in it, and nobody knows that.
            SwitchedCheckoutError: Git was on another branch when it was asked for the first catalog.
        """
        if self._command is not None:
            self._command(catalog)
            return
        path = self._project_path or _find_project()
        read_only = self._settings.read_only_source
        if not (self._settings.is_enabled or read_only):
            self._warn_if_switched_off(path)
            return
        branch = self._settings.find_branch(path, code=self._code)
        if branch.warning:
            logger.warning(WARNING_IN_LOG, branch.warning)
        # Plain Kedro, object for object.
        if branch.is_main and not read_only:
            return
        from steel_toes.catalog.install import install
        from steel_toes.catalog.make import make_policy
        from steel_toes.catalog.writer import session_of

        session = session_of(self._session_facts, save_version)
        policy = make_policy(self._settings, branch, path, session, self._code)
        # Of a project that nobody knows there is no place for copies: that is said now, and not by each load.
        policy.placement.check()
        if install(catalog, policy):
            _announce(policy)
        else:
            logger.warning(BRANCHED_TWICE)

    def _warn_if_switched_off(self, path: Path) -> None:
        """Say that what follows writes main, where steel_toes was switched off and nobody may remember."""
        branch = self._settings.find_branch(path)
        if branch.is_known and not branch.is_main:
            logger.warning(SWITCHED_OFF_ON_BRANCH, branch.source, branch.name)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """Freeze the sides of what the run only reads, so that all its nodes read the same.

        Raises:
            SaveRefusedError: something that the run saves or loads is refused; before its first node.
        """
        # What this thread loaded for another run.
        note_node(None)
        if not _is_installed(catalog):
            return
        from steel_toes.catalog.announce import announce_mains_outputs, warn_of_wide_listings
        from steel_toes.catalog.overlooked import warn_of_former_names, warn_of_inputs, warn_of_promotes
        from steel_toes.catalog.refusals import check_run
        from steel_toes.catalog.run import begin_run, note_session

        warn_of_wide_listings(catalog)
        # Which nodes are left out is decided later.
        if run_params.get("only_missing_outputs"):
            announce_mains_outputs(pipeline, catalog)
        else:
            check_run(pipeline, catalog)
        note_session(run_params, catalog)
        begin_run(run_params, pipeline, catalog)
        # Before the first node: whoever stops there has read it.
        warn_of_inputs(pipeline, catalog)
        warn_of_promotes(catalog)
        warn_of_former_names(pipeline, catalog)

    @hook_impl
    def before_dataset_loaded(self, node: Any) -> None:
        """Note which node begins: the records of its outputs may be put while it loads its inputs."""
        note_node(node.name)

    @hook_impl
    def before_node_run(self, node: Any, catalog: Any) -> None:
        """The same, for a node that loaded nothing from a store."""
        if _is_installed(catalog):
            _run_of(catalog).enter(node.name)

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """Say what the run read from where, and what it wrote, once all its records are in place.

        Raises:
            CopyError: one could not be put; before other hooks call the run finished.
        """
        if not _is_installed(catalog):
            return
        from steel_toes.catalog.announce import announce_run
        from steel_toes.catalog.run import end_run

        try:
            _run_of(catalog).wait_for_all()
            announce_run(run_params, pipeline, catalog)
        finally:
            end_run(pipeline, catalog)

    @hook_impl
    def on_pipeline_error(self, pipeline: Any, catalog: Any) -> None:
        """End the run: whatever comes next reads the records again."""
        if not _is_installed(catalog):
            return
        from steel_toes.catalog.run import end_run

        try:
            end_run(pipeline, catalog)
        except CopyError as exc:
            # Never over the run's own error, which has a traceback.
            logger.error(RECORD_NOT_PUT, exc)  # noqa: TRY400


def settings_of(hook: SteelToes) -> Settings:
    """The settings of a project's hook, for the commands."""
    return hook._settings


@contextmanager
def commanded(hook: SteelToes, action: CatalogAction) -> Iterator[None]:
    """Within the block, let a command decide what is done with the catalogs that Kedro makes.

    Args:
        hook: the project's.
        action: is given each catalog in the hook's place, before other hooks see it.
    """
    hook._command = action
    try:
        yield
    finally:
        hook._command = None


def _is_installed(catalog: Any) -> bool:
    """Whether the law is installed on a catalog. On main nothing that knows how is even imported."""
    if "steel_toes.catalog.install" not in sys.modules:
        return False
    from steel_toes.catalog.install import is_installed

    return is_installed(catalog)


def _run_of(catalog: Any) -> Run:
    from steel_toes.catalog.install import run_of

    return run_of(catalog)


def _find_project() -> Path:
    from kedro.utils import find_kedro_project

    return Path(find_kedro_project(Path.cwd()) or Path.cwd())


def _announce(policy: Policy) -> None:
    branch, read_only = policy.branch, policy.read_only
    if logger.level == logging.NOTSET:
        # Kedro's default logging shows INFO of its own loggers only.
        logger.setLevel(logging.INFO)
    if branch.is_main:
        logger.info(ON_MAIN_READ_ONLY, read_only)
    elif branch.is_known and read_only:
        logger.info(ON_BRANCH_READ_ONLY, branch.name, branch.source, read_only)
    elif branch.is_known:
        logger.info(ON_BRANCH, branch.name, branch.source, policy.placement.mark)
    else:
        logger.warning(ON_UNKNOWN_BRANCH, branch.why)
