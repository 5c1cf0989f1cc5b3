"""Versioned datasets: the union of both sides' versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kedro.io import DatasetError
from kedro.io.core import Version, VersionNotFoundError, generate_timestamp

from steel_toes import errors, sentences
from steel_toes.datasets.base import BranchedDataset, Choice, Dataset, Entry, LookAt
from steel_toes.records.place import Side
from steel_toes.records.record import ALL, NO_RECORD, Record
from steel_toes.records.state import Verdict, judge
from steel_toes.records.write import Write
from steel_toes.redaction import logger_of

logger = logger_of(__name__)


class VersionOfSide(NamedTuple):
    """A version, and the side that has it."""

    version: str
    side: Side


class _Pinned(NamedTuple):
    """The dataset that is pinned to a version of a side."""

    resolved: VersionOfSide
    dataset: Dataset


class BranchedVersions(BranchedDataset):
    """A versioned dataset: each version is a unit."""

    answers = BranchedDataset.answers | {
        "_get_versions",
        "list_versions",
        "resolve_load_version",
        "_fetch_latest_load_version",
    }

    def __init__(self, entry: Entry, main_dataset: Dataset | None = None, version: Version | None = None) -> None:
        super().__init__(entry, main_dataset, version)
        self._resolved: VersionOfSide | None = None
        self._pinned: _Pinned | None = None

    def load(self) -> Any:
        """Load the pinned version, else the newest that the branch sees."""
        resolved = self._resolve()
        dataset = self._dataset_of(resolved)

        def choose(look_at: LookAt) -> Choice:
            if resolved.side is Side.MAIN:
                return Choice(NO_RECORD, Side.MAIN)
            look = look_at(resolved.version)
            # Somebody cleaned the branch: the version that is asked for is no other side's.
            if self.side_of(look) is Side.MAIN:
                raise self.changed_error(errors.COPY_VANISHED)
            return Choice(look.record, Side.BRANCH)

        return self.load_stable(resolved.version, choose, dataset.load, dataset.load)

    def save(self, data: Any) -> None:
        """Save a new version to the branch copy; a version that either side holds is refused, as Kedro does."""
        self._forget()
        if data is None:
            return self.branch_dataset.save(data)
        pin = self.version or Version(None, None)
        version = pin.save or generate_timestamp()
        self._check_version(version)
        self.check_apart()
        dataset = self._built(Side.BRANCH, Version(pin.load, version))
        with self.place.transaction(Write((version,)), self.identify_branch) as transaction:
            self._remove_torn(transaction.before, version)
            with self._lent_version(transaction.before), self.watched(transaction, [version]):
                dataset.save(data)
        before = transaction.before.settled
        base = before.base if before.exists else transaction.save.write.base
        newest = max([*before.data, *(base or ())], default="")
        if not pin.load and version >= newest:
            # As in Kedro, a run goes on reading the version that it saved, whatever others save meanwhile.
            self._resolved = VersionOfSide(version, Side.BRANCH)
            self._pinned = _Pinned(self._resolved, dataset)

    @contextmanager
    def _lent_version(self, before: Record) -> Iterator[None]:
        """Lend main's newest version to a save of the class's own, which may add to it, unless ours is newer."""
        newest_main = self._newest_main(before) if self.entry.saves_itself else ""
        # A save with a version of yesterday has left the branch with one that is older.
        if newest_main <= max(before.settled.data, default=""):
            yield
            return
        store = self.place.store
        target = self.place.unit_path(Side.BRANCH, newest_main)
        store.copy(self.place.unit_path(Side.MAIN, newest_main), target)
        try:
            yield
        finally:
            # It is main's, and no version of the branch's.
            store.remove(target)

    def _check_version(self, version: str) -> None:
        """Refuse a version that plain Kedro would refuse on main's data, and one that leads out of its folder.

        Raises:
            DatasetError: it cannot be saved.
        """
        store = self.place.store
        name = self.entry.name
        if ".." in version.split("/"):
            raise DatasetError(errors.sentence(errors.VERSION_LEADS_OUT, dataset=name, version=version))
        if store.has_folders and store.is_file(self.place.main_path):
            raise DatasetError(errors.sentence(errors.FILE_BEFORE_VERSIONS, dataset=name, path=self.place.main_path))
        main_path = self.place.unit_path(Side.MAIN, version)
        # The two would be one version on the day of the merge.
        if store.identity(main_path) is not None:
            shown_path = store.shown(main_path)
            raise DatasetError(errors.sentence(errors.VERSION_EXISTS, path=shown_path, dataset=self.main_dataset))

    def _remove_torn(self, before: Record, version: str) -> None:
        """Remove what an earlier, dead save left of a version: Kedro would refuse to save over it."""
        # Judged by the record that our save began from: another may have completed the version just before.
        if before.doubts(version):
            verdict = judge(before, version, self.place.identity(Side.BRANCH, version))
            if verdict in (Verdict.TORN, Verdict.UNFINISHED):
                self.place.store.remove(self.place.unit_path(Side.BRANCH, version))

    def sides(self) -> tuple[Dataset, ...]:
        pinned = (self._pinned.dataset,) if self._pinned else ()
        return (*super().sides(), *pinned)

    def exists(self) -> bool:
        """Whether the version that would be loaded is there."""
        try:
            resolved = self._resolve()
        except (VersionNotFoundError, errors.TornCopyError):
            return False
        if resolved.side is Side.BRANCH and self.look(resolved.version).verdict.is_absent:
            return False
        return self._dataset_of(resolved).exists()

    def release(self) -> None:
        """Release both sides and forget which version is the newest, as Kedro does."""
        super().release()
        self._pinned = None
        if self.frozen_side is None:
            self._resolved = None

    def current(self) -> Dataset:
        """The dataset of the version that a load would try, though it may be gone; main's if there is no version."""
        try:
            resolved = self._resolve()
        except VersionNotFoundError:
            return self.main_dataset
        except errors.TornCopyError:
            return self.branch_dataset
        return self._dataset_of(resolved)

    def choose(self) -> Choice:
        """As the base says; of versions one that is torn is skipped, unless all are being replaced."""
        try:
            return Choice(NO_RECORD, self._resolve().side)
        except VersionNotFoundError:
            return Choice(NO_RECORD, Side.MAIN)

    def at(self, entry: Entry) -> BranchedVersions:
        twin = super().at(entry)
        assert isinstance(twin, BranchedVersions)
        twin.repin(self.version)
        return twin

    def repin(self, version: Version | None) -> None:
        super().repin(version)
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_pinned": None}

    def resolve_load_version(self) -> str:
        """The version that a load would give."""
        return self._resolve().version

    _fetch_latest_load_version = resolve_load_version

    def list_versions(self, full_path: bool = True) -> list[str]:
        """All versions of both sides, newest first, the branch's first on a tie."""
        record = self.place.ledger.read()
        versions = [VersionOfSide(version, Side.BRANCH) for version in record.settled.data]
        for version in self._mains(record):
            versions.append(VersionOfSide(version, Side.MAIN))
        # Newest first, as Kedro lists them.
        versions.sort(key=lambda item: (item.version, item.side is Side.BRANCH), reverse=True)
        if full_path:
            return [self.place.unit_path(item.side, item.version) for item in versions]
        return [item.version for item in versions]

    def _get_versions(self) -> list[str]:
        return self.list_versions()

    def _resolve(self) -> VersionOfSide:
        """The version that a load would give, and its side."""
        if self.version and self.version.load:
            verdict = self.look(self.version.load).verdict
            return VersionOfSide(self.version.load, Side.MAIN if verdict.reads_main else Side.BRANCH)
        if self._resolved is None:
            self._resolved = self._newest()
        return self._resolved

    def _newest(self) -> VersionOfSide:
        """The newest of the branch's versions and of those main had when the branch first saved."""
        record = self.place.ledger.read()
        newest_main = self._newest_main(record)
        newest_branch = self._newest_branch(record, newest_main)
        if newest_branch is not None:
            return VersionOfSide(newest_branch, Side.BRANCH)
        if not newest_main:
            raise VersionNotFoundError(errors.sentence(errors.NO_VERSIONS, dataset=self.main_dataset))
        return VersionOfSide(newest_main, Side.MAIN)

    def _newest_main(self, record: Record) -> str:
        """Main's newest version that the branch sees; "" if there is none."""
        versions = self._mains(record)
        # Versions that main saved later are not what the branch began from.
        if record.settled.exists:
            begun = max(record.settled.base, default="")
            versions = [version for version in versions if version <= begun]
        return max(versions, default="")

    def _mains(self, record: Record) -> list[str]:
        """Main's versions, less those that the branch finds absent."""
        versions = self.place.store.versions(self.place.main_path)
        return [version for version in versions if version not in record.settled.absent]

    def _newest_branch(self, record: Record, newest_main: str) -> str | None:
        """The branch's newest version that is not torn, though it may be gone or changed; None if main's is newer."""
        for version in sorted(record.settled.data, reverse=True):
            # Sorted: no later one can be newer than main's.
            if version < newest_main:
                return None
            if self.look(version).verdict is not Verdict.TORN:
                return version
            # All that the branch had is being replaced: main's newest is not what it sees.
            if ALL in record.doubt:
                self.raise_torn(record)
            logger.warning(sentences.TORN_VERSION_SKIPPED, self.entry.name, version)
        return None

    def _dataset_of(self, resolved: VersionOfSide) -> Dataset:
        """The dataset that is pinned to a version of a side."""
        pinned = self._pinned
        if pinned is None or pinned.resolved != resolved:
            save_version = self.version.save if self.version else None
            dataset = self._built(resolved.side, Version(resolved.version, save_version))
            # Bound once: another thread may load another version at the same time.
            pinned = self._pinned = _Pinned(resolved, dataset)
        return pinned.dataset

    def _built(self, side: Side, version: Version) -> Dataset:
        """A dataset of a side that is pinned to a version, as the side's own one is by now."""
        return self.with_settings(self.entry.build(side, version))

    def _forget(self) -> None:
        self._resolved = None
        self._pinned = None
