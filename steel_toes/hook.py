"""`SteelToes`: the one line in settings.py."""

from __future__ import annotations

import getpass
import logging
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from steel_toes.catalog.install import install, is_installed
from steel_toes.catalog.policy import Redirection
from steel_toes.checkout.ci import SYSTEMS
from steel_toes.checkout.find import find_branch, main_names
from steel_toes.checkout.git import read_checkout
from steel_toes.datasets.base import Pair, Side
from steel_toes.datasets.proxy import AnyPair, pair_of
from steel_toes.datasets.registry import absolute
from steel_toes.errors import ConfigurationError
from steel_toes.naming.branch import Branch
from steel_toes.naming.buckets import DELIMITER
from steel_toes.naming.layout import LAYOUTS
from steel_toes.records.ledger import Writer
from steel_toes.settings import is_enabled

logger = logging.getLogger("steel_toes")


class SteelToes:
    """Kedro hooks that give each Git branch its own copy of the data that it writes.

    On a branch, every save goes to the branch's copy; every load reads the branch's copy once there is one, and
    main's otherwise. On main, and with `STEEL_TOES_ENABLED=false`, the catalog is left as Kedro made it.

        # settings.py
        from steel_toes import SteelToes
        HOOKS = (SteelToes(),)

    Args:
        branch: the branch's name, if neither `STEEL_TOES_BRANCH`, CI nor Git shall be asked.
        main: the branch whose data everybody reads; else `STEEL_TOES_MAIN`, else `main` and `master`.
        layout: how main's location becomes the branch copy's: "suffix" (`companies--feature-x.csv`) or
            "bucket" (`s3://team-data--feature-x/companies.csv`; locations without a bucket take the suffix).
        records: the folder where records are kept, if not beside the data.
        project: the project's name in records, if not the Git remote's URL.
        shared: entries that are not branched, but read and written in main's place: names, name patterns
            (`raw_*`), type names (`pandas.SQLTableDataset`) or classes.
        locations: for dataset classes of your own, the parameter that says where the data is:
            `{"my_package.ShapeDataset": "folder"}`. It says, too, that each save replaces what was there.
        create_buckets: with layout "bucket", make the branch's bucket at its first save, and mark it as ours.
        sign: whether records name the user and the host that wrote them.

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
        locations: Mapping[str, str] | None = None,
        create_buckets: bool = False,
        sign: bool = True,
    ) -> None:
        _check_settings(layout, shared, locations or {})
        self._branch, self._main, self._layout, self._project = branch, main, layout, project
        self._records = os.fspath(records) if records is not None else None
        self._shared, self._locations, self._sign = tuple(shared), dict(locations or {}), sign
        self._create_buckets = create_buckets
        self._project_path: Path | None = None

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Learn where the project is: Git is asked from there, whatever the working directory."""
        self._project_path = Path(context.project_path)

    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: Any, save_version: str | None = None) -> None:
        """Redirect the catalog, before other plugins look at it."""
        if not is_enabled(os.environ):
            return
        path = self._project_path or _find_project()
        branch = self.branch(path)
        if branch.is_main:
            return
        if install(catalog, self.redirection(branch, path, save_version)):
            _announce(branch)
        else:
            logger.warning("steel-toes: this catalog is branched already; is SteelToes() registered twice?")

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any, catalog: Any) -> None:
        """Freeze the sides of what the run only reads, so that all its nodes read the same."""
        if not is_installed(catalog):
            return
        if run_params.get("only_missing_outputs"):
            _announce_mains_outputs(catalog, pipeline.all_outputs())
        written = {_place(catalog, name) for name in pipeline.all_outputs()} - {None}
        for name in pipeline.inputs():
            pair = pair_of(catalog.get(name))
            if pair:
                pair.open_run(written=_place(catalog, name) in written)

    @hook_impl
    def after_pipeline_run(self, pipeline: Any, catalog: Any) -> None:
        """Say what the run read from where, and what it wrote."""
        if not is_installed(catalog):
            return
        pairs = [pair_of(catalog.get(name)) for name in pipeline.inputs()]
        sides = [pair.opened for pair in pairs if pair]
        wrote = sorted(name for name in pipeline.all_outputs() if _wrote(pair_of(catalog.get(name))))
        from_branch = _count(sides.count(Side.BRANCH), "input")
        read = f"{from_branch} from the branch, {sides.count(Side.MAIN)} from main; " if sides else ""
        names = f": {', '.join(wrote)}" if wrote else ""
        logger.info("steel-toes: %swrote %s to the branch%s", read, _count(len(wrote), "dataset"), names)

    def branch(self, path: Path, name: str | None = None) -> Branch:
        """The branch of the project at this path, if not this one; see `steel_toes.checkout.find.find_branch`."""
        return find_branch(path, branch=self._branch if name is None else name, main=self._main)

    @property
    def mains(self) -> frozenset[str]:
        """The names of main."""
        return main_names(self._main, os.environ)

    @property
    def sources(self) -> dict[str, str]:
        """What tells the names of main and of the project."""
        asked = "STEEL_TOES_MAIN" if os.environ.get("STEEL_TOES_MAIN", "").strip() else "the default"
        main = "SteelToes(main=...)" if self._main else asked
        return {"main_from": main, "project_from": "SteelToes(project=...)" if self._project else "the remote, if any"}

    def redirection(self, branch: Branch, path: Path, run: str | None = None) -> Redirection:
        """How entries are redirected on a branch, before anything is known of the catalog.

        Args:
            branch: which.
            path: the project's.
            run: Kedro's id of the run, for the records.
        """
        checkout = read_checkout(path)
        # Of a branch that somebody names, HEAD's upstream says nothing.
        upstream, remote = (checkout.upstream, checkout.remote) if branch.source == "Git" else (None, None)
        # What CI builds is on the remote, though HEAD is detached there and tracks nothing. A fork's branch is not.
        if branch.name and ":" not in branch.name and branch.source in {system.name for system in SYSTEMS}:
            upstream, remote = f"origin/{branch.name}", checkout.project
        writer = Writer(
            project=self._project or checkout.project,
            run=run,
            commit=checkout.commit,
            dirty=checkout.dirty,
            upstream=upstream,
            remote=remote,
            **({"user": _user(), "host": socket.gethostname()} if self._sign else {}),
        )
        return Redirection(
            branch=branch,
            project=path.as_posix(),
            writer=writer,
            layout=self._layout,
            records=absolute(self._records, path.as_posix()) if self._records else None,
            shared=self._shared,
            taught=self._locations,
            create_buckets=self._create_buckets,
        )


def _check_settings(layout: object, shared: Any, locations: Any) -> None:
    _check("layout", layout, layout in LAYOUTS, f"Use one of {', '.join(LAYOUTS)}.")
    _check("shared", shared, not isinstance(shared, str), f"Write shared=[{shared!r}].")
    named = all(isinstance(one, (str, type)) for one in shared)
    _check("shared", shared, named, "Give names, patterns or classes.")
    taught = isinstance(locations, Mapping) and all(
        isinstance(text, str) for pair in locations.items() for text in pair
    )
    _check("locations", locations, taught, 'Give parameters by type name: {"my_package.ShapeDataset": "folder"}.')


def _check(setting: str, value: object, good: bool, remedy: str) -> None:
    if not good:
        raise ConfigurationError(
            setting=setting, value=value, why="SteelToes does not know what that is.", remedy=remedy
        )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return None


def _find_project() -> Path:
    from kedro.utils import find_kedro_project

    return Path(find_kedro_project(Path.cwd()) or Path.cwd())


def _place(catalog: Any, name: str) -> str | None:
    """What two entries on one location have in common; None for an entry that is not branched."""
    pair = pair_of(catalog.get(name))
    return pair.entry.book.path if isinstance(pair, Pair) else None


def _wrote(pair: AnyPair | None) -> bool:
    """Whether this run saved the dataset, or left it half saved: Kedro may skip nodes that it was asked for."""
    book = pair.entry.book if isinstance(pair, Pair) else None
    record = book.read() if book else None
    return bool(book and record and record.writer.run == book.writer.run)


def _announce_mains_outputs(catalog: Any, outputs: Iterable[str]) -> None:
    found = {_place(catalog, name): pair_of(catalog.get(name)) for name in outputs}
    mains = [pair for pair in found.values() if isinstance(pair, Pair) and pair.open_run(written=True) is Side.MAIN]
    count = sum(pair.main.exists() for pair in mains)
    logger.info("steel-toes: %s not missing, since main has what the branch has not", _count(count, "output"))


def _announce(branch: Branch) -> None:
    if logger.level == logging.NOTSET:
        # Kedro's default logging shows INFO of its own loggers only.
        logger.setLevel(logging.INFO)
    if branch.is_known:
        where = f"*{DELIMITER}{branch.slug}*"
        logger.info("steel-toes: on branch %s (from %s); saves go to %s", branch.name, branch.source, where)
    else:
        logger.warning("steel-toes: the branch is unknown, so data is read from main and not saved. %s", branch.why)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
