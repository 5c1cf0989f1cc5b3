"""Where the copies and the records of a branch lie, by the project's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from steel_toes import errors, reasons
from steel_toes.catalog.links import link_targets
from steel_toes.catalog.roots import Subject, subject_of
from steel_toes.checkout.find import lies_below_a_repository
from steel_toes.checkout.identity import project_variable
from steel_toes.datasets.paths import absolute, is_local, real_path
from steel_toes.naming.folders import folder_of_copies, lies_below
from steel_toes.naming.layout import Layout, layout_on
from steel_toes.naming.location import normalise
from steel_toes.naming.nesting import relative
from steel_toes.naming.prefix import BRANCHES
from steel_toes.naming.roots import ALL, expanded, has_root, root_of
from steel_toes.records.record import FOLDER
from steel_toes.redaction import redacted_repr
from steel_toes.settings import Settings


@redacted_repr
@dataclass(frozen=True)
class Placement:
    """Where the copies and the records of a branch lie, by the project's settings.

    Args:
        settings: the project's.
        branch_name: the branch's; None if it is unknown.
        slug: the branch's.
        project_path: the project's absolute path.
        find_project: gives the project's name, which may have to be waited for.
        find_locations: gives all main locations of the catalog.
    """

    settings: Settings
    branch_name: str | None
    slug: str
    project_path: str
    find_project: Callable[[], str | None] = field(repr=False)
    find_locations: Callable[[], Collection[str]] = field(repr=False)

    def check(self) -> None:
        """Refuse roots that cannot be used here, before anything is looked for below them.

        Raises:
            ConfigurationError: as `roots`.
        """
        _ = self.roots

    # Copies -----------------------------------------------------------------------------------------------------------

    @property
    def layout_name(self) -> str:
        """The name of the layout of the branch's copies."""
        return layout_on(self.branch_name, self.settings.layout)

    @property
    def mark(self) -> str:
        """What people recognise the copies of the branch by; with a root for each store, the part that all have.

        Raises:
            ConfigurationError: as `roots`.
        """
        return Layout(self.layout_name, self.roots.get(ALL, "")).mark(self.slug)

    def layout_at(self, location: str) -> Layout:
        """How a location becomes a branch copy's."""
        # Whether it can become one is asked where the copy is made.
        return Layout(self.layout_name, self.root_at(location))

    def root_at(self, location: str) -> str:
        """The root of all copies in which a location's lies; "" if it lies beside main's data.

        Raises:
            ConfigurationError: as `roots`.
        """
        if not has_root(self.settings.roots, location):
            return ""
        return root_of(self.roots, location)

    @cached_property
    def roots(self) -> dict[str, str]:
        """The roots of all copies, by the names of their stores; by "" the one of all entries.

        Raises:
            ConfigurationError: one has the project's name in it, and nobody knows that; or two projects of one
                repository would have the same paths below it.
        """
        roots = {store: expanded(root, self.find_project) for store, root in self.settings.roots.items()}
        for root in filter(is_local, roots.values()):
            self._check_on_disk(root)
        return roots

    def _check_on_disk(self, root: str) -> None:
        """Refuse a root on a disk that is the project itself, or where another project may have the same paths.

        All projects of a repository have its remote's URL for a name, if nobody gives each its own.
        """
        # Git and recursive readers look there.
        if os.path.realpath(root) == self._real_project_path:
            raise errors.ConfigurationError(reasons.ROOT_IS_PROJECT, setting="root", value=root)
        own_names = (self.settings.project, project_variable())
        if not any(own_names) and lies_below_a_repository(self.project_path):
            raise errors.ConfigurationError(reasons.ROOT_OF_SEVERAL_PROJECTS, setting="root", value=root)

    def copy(self, location: str, directory: str | None = None) -> str:
        """The location of the branch copy of a main location.

        Args:
            location: main's.
            directory: the outermost that lists it.

        Raises:
            LocationError: there can be no copy, for the reason it says.
        """
        root_of(self.settings.roots, location)
        layout = self.layout_at(location)
        if layout.name != "prefix" or not is_local(location):
            return layout.copy(location, self.slug, self.project_path, directory)
        # What is listed together moves together, whatever links there are in it.
        top = directory or location
        below = location.removeprefix(top)
        return layout.copy(self.in_project(top), self.slug, self.project_path) + below

    def copy_as(self, layout: Layout, location: str, slug: str) -> str:
        """The location of the copy that a record speaks of.

        Args:
            layout: the record's.
            location: main's, as the record has it, in full.
            slug: of the record's branch.

        Raises:
            ConfigurationError: there is no such layout.
            LocationError: there can be no copy, or the record's root is none of this project.
        """
        # Nothing is sought where only a file says so that anybody can edit.
        if layout.root and layout.root != self.root_at(location):
            raise errors.LocationError(reasons.ROOT_OF_OTHERS_RECORD, location=location, root=layout.root)
        return layout.copy(self.in_project(location), slug, self.project_path)

    def check_apart(self, location: str, copy: str) -> None:
        """Refuse a copy that is another main location's, too: a root joins stores and folders.

        Raises:
            LocationError: it is, naming the other.
        """
        if not self.settings.roots:
            return
        # What joined the catalog later is known from here on.
        mains = self._mains_by_copy.setdefault(normalise(copy), set())
        place = normalise(location)
        for other in sorted(mains - {place}):
            # Two names of one file have one copy.
            if self.subject_of(other) != self.subject_of(location):
                raise errors.LocationError(reasons.COPY_OF_ANOTHER, location=location, copy=copy, other=other)
        mains.add(place)

    @cached_property
    def _mains_by_copy(self) -> dict[str, set[str]]:
        """The main locations of each branch copy, by the strings alone; of patterns as they are used."""
        mains: dict[str, set[str]] = {}
        for location in self.find_locations():
            # A pattern's are known when it is used.
            if "{" in location:
                continue
            try:
                copy = self.layout_at(location).copy(location, self.slug, self.project_path)
            except errors.LocationError:
                # It has none.
                continue
            mains.setdefault(normalise(copy), set()).add(normalise(location))
        return mains

    # Records ----------------------------------------------------------------------------------------------------------

    def subject_of(self, location: str) -> Subject:
        """Where the record of a location lies, and what it calls the location; of a local one, of all its names."""
        return self.subject_in(location, self.root_at(location))

    def subject_in(self, location: str, root: str) -> Subject:
        """The same for records that lie below a root of all copies, or, if that is "", where they lie without one."""
        if not root:
            return self._default_subject(location)
        # By its path from the project: several checkouts have one root.
        place = normalise(self.in_project(location))
        if is_local(place) and lies_below(place, self.project_path):
            return Subject(root, relative(place, self.project_path))
        return Subject(root, place)

    def subjects_of(self, location: str) -> list[Subject]:
        """Where records of a location can lie: without a root, and below it."""
        root = self.root_at(location)
        subjects = [self._default_subject(location)]
        if root:
            subjects.append(self.subject_in(location, root))
        return subjects

    def folders_inside(self, directory: str, locations: Iterable[str]) -> list[str]:
        """The folders in a directory that hold copies or records of these locations, by their paths from there."""
        tops = set(self.roots.values())
        for location in locations:
            tops.add(self._default_subject(location).root)
            tops.add(folder_of_copies(location, self.project_path))
        outer = normalise(self.in_project(directory))
        folders = [f"{normalise(self.in_project(top))}/{name}" for top in tops - {""} for name in (BRANCHES, FOLDER)]
        return sorted(relative(folder, outer) for folder in folders if lies_below(folder, outer))

    def _default_subject(self, location: str) -> Subject:
        if not is_local(location):
            return subject_of(location, self.project_path, self.records_root)
        records_root = self.records_root
        if records_root and is_local(records_root):
            records_root = os.path.realpath(records_root)
        linked = self._link_targets.values()
        return subject_of(real_path(location), self._real_project_path, records_root, linked)

    @property
    def records_root(self) -> str | None:
        """Where all records lie, if the project says so."""
        if not self.settings.records_folder:
            return None
        return absolute(self.settings.records_folder, self.project_path)

    # Links ------------------------------------------------------------------------------------------------------------

    def in_project(self, location: str) -> str:
        """The one name that a local location has for layout "prefix": by its real path, seen from the project.

        A folder of the project that is a link out of it counts as the folder. What is no local location stays.
        """
        if not is_local(location):
            return location
        end = "/" if location.endswith("/") else ""
        real = real_path(location)
        for folder, target in self._link_targets.items():
            if real == target or lies_below(real, target):
                return f"{folder}{real.removeprefix(target)}{end}"
        if lies_below(real, self._real_project_path):
            return f"{self.project_path}{real.removeprefix(self._real_project_path)}{end}"
        return f"{real}{end}"

    @cached_property
    def _real_project_path(self) -> str:
        return os.path.realpath(self.project_path)

    @cached_property
    def _link_targets(self) -> dict[str, str]:
        """As `link_targets`: the disk is asked once."""
        return link_targets(self.project_path)
