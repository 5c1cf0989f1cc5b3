"""Whose a record is, which datasets it is of, and whether its copy may be a main copy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from steel_toes import errors, reasons, sentences
from steel_toes.actions.inventory import Inventory
from steel_toes.actions.plan import FiledRecord
from steel_toes.naming.branch import Branch
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import outermost_directory


@dataclass(frozen=True)
class Guards:
    """What keeps a command from other data than it is asked for.

    Args:
        inventory: of the project.
        branch_names: of the branches that are meant; all, if there is none.
        is_named: whether somebody named them.
    """

    inventory: Inventory
    branch_names: Collection[str]
    is_named: bool
    _guarded_by_branch: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def why_left(self, filed: FiledRecord) -> str:
        """Why a copy is left alone; "" if it is not."""
        # In this order: a record that cannot be believed says nothing of whose it is.
        return self.inventory.why_misplaced(filed) or self.why_not_ours(filed) or self._why_guarded(filed)

    def why_not_ours(self, filed: FiledRecord) -> str:
        """Why a record is of a branch or project whose copies stay; "" if it is not."""
        record = filed.record
        if self.branch_names and record.branch_name not in self.branch_names:
            return sentences.OF_OTHER_BRANCH.format(branch=record.branch_name)
        project = record.writer.project
        own_project = self.inventory.policy.project
        # A record without a project may be anybody's; a name says that it is meant.
        if project is None and not self.is_named:
            return sentences.OF_UNKNOWN_PROJECT
        if project not in (None, own_project):
            return sentences.OF_OTHER_PROJECT.format(project=project)
        return ""

    def _why_guarded(self, filed: FiledRecord) -> str:
        """Why a copy may be a main copy: one of today may have the name of a branch copy of yesterday."""
        copy = normalise(self.inventory.copy_location(filed)).casefold()
        for main in self._guarded(filed.record.branch_name):
            # The one may lie in the other: `x--b` is guarded where main has `x--b/a.csv`.
            is_inside = outermost_directory(copy, [main]) is not None
            is_around = outermost_directory(main, [copy]) is not None
            if is_inside or is_around:
                return sentences.MAIN_COPY_THERE.format(location=main)
        return ""

    def _guarded(self, branch_name: str) -> frozenset[str]:
        """The catalog's main copies that have the form of a copy of this branch, computed once for each branch."""
        if branch_name not in self._guarded_by_branch:
            inventory = self.inventory
            policy = replace(inventory.policy, branch=Branch(branch_name, "its record"))
            policy = policy.surveyed(inventory.explicit.values(), inventory.patterns.values())
            self._guarded_by_branch[branch_name] = policy.catalog.guarded
        return self._guarded_by_branch[branch_name]


def check_branch_name(inventory: Inventory, name: str, why_not_main: errors.Reason, setting: str = "--branch") -> None:
    """Refuse a name that cannot be a branch's.

    Args:
        inventory: of the project.
        name: that somebody gave.
        why_not_main: what is said of main's.
        setting: where it was given.

    Raises:
        ConfigurationError: it is blank, or main's.
    """
    if not name.strip():
        raise errors.ConfigurationError(reasons.BLANK_BRANCH, setting=setting, value=name)
    if name in inventory.mains:
        raise errors.ConfigurationError(why_not_main, setting=setting, value=name)


def left_line(filed: FiledRecord, why: str) -> str:
    """Which copy is left alone, and why."""
    return sentences.LEFT_ALONE.format(record=filed.stored.path, dataset=filed.record.dataset, why=why)


def is_wanted(inventory: Inventory, filed: FiledRecord, datasets: Collection[str]) -> bool:
    """Whether a record is of one of these datasets, by their name in the record or in the catalog."""
    if not datasets or filed.record.dataset in datasets:
        return True
    # The entry may have had another name when it was saved, or share its location with another.
    return not entries_of(inventory, filed).isdisjoint(datasets)


def entries_of(inventory: Inventory, filed: FiledRecord) -> set[str]:
    """The entries of today's catalog whose data lies at a record's location, or in it."""
    return inventory.entries_at(filed.stored.root.path, filed.record.location)


def unknown_datasets(inventory: Inventory, wanted: Collection[str], recorded: Collection[str]) -> list[str]:
    """Those of these names that neither the catalog has nor a record: typing mistakes."""
    return sorted(set(wanted) - set(inventory.explicit) - set(recorded))
