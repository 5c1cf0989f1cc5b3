"""What is done with each entry of a catalog on a branch, and where its data and its record go."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from steel_toes import errors, reasons
from steel_toes.catalog.arguments import is_of_a_table
from steel_toes.catalog.candidates import unmoved_parameter
from steel_toes.catalog.checks import check_partitions, check_taught_names, is_one_place
from steel_toes.catalog.division import is_inside, units_alone, units_at, units_inside
from steel_toes.catalog.folders import DataFolders, data_folders
from steel_toes.catalog.late import LateEntries
from steel_toes.catalog.listings import located
from steel_toes.catalog.placement import Placement
from steel_toes.catalog.roots import RecordRoot, Subject, open_root, subject_of
from steel_toes.catalog.shared import idle_names, is_shared
from steel_toes.catalog.spec import EntrySpec
from steel_toes.catalog.survey import Survey, survey
from steel_toes.catalog.writer import Found, writer_of
from steel_toes.datasets.base import Builder, Entry, PlaceOfEntry
from steel_toes.datasets.classes import adapted, checkpoint_of
from steel_toes.datasets.inheritance import is_surveyed, overrides_save, own_name
from steel_toes.datasets.paths import (
    Key,
    absolute,
    filepath_argument,
    filesystem_path,
    is_local,
    location_of,
    locations_of,
    real_path,
)
from steel_toes.datasets.registry import (
    Config,
    Rule,
    Seeding,
    catalog_name,
    check_taught,
    class_names,
    rule_for,
    rule_for_wrapped,
    seeding,
    with_partitions,
)
from steel_toes.naming.branch import Branch
from steel_toes.naming.buckets import bucket_of
from steel_toes.naming.layout import contains_slug
from steel_toes.naming.location import former_spelling, normalise, parse
from steel_toes.naming.nesting import listed_directory, relative
from steel_toes.naming.schemes import scheme_of
from steel_toes.records.author import Author, Background
from steel_toes.records.file import RecordMemory
from steel_toes.records.guard import LinkGuard
from steel_toes.records.ledger import Former, Ledger
from steel_toes.records.place import Place
from steel_toes.records.record import FOLDER
from steel_toes.records.rooted import Rooted
from steel_toes.records.run import Run
from steel_toes.records.units import Units
from steel_toes.redaction import logger_of, redacted_repr
from steel_toes.sentences import SHARES_NOTHING
from steel_toes.settings import Settings
from steel_toes.stores.base import Store
from steel_toes.stores.buckets import BranchBucket
from steel_toes.stores.opening import open_store

logger = logger_of(__name__)

_ALONE = Rule("alone")


@redacted_repr
class Locations(NamedTuple):
    """Main's location of an entry, and its branch copy's."""

    main_location: str
    branch_location: str


Moves = Mapping[Key, Locations]
"""The locations of an entry, by where they stand in its configuration."""


@redacted_repr
@dataclass(frozen=True)
class Policy:
    """What is done with the entries of one catalog on one branch. Picklable: workers carry it.

    Args:
        branch: which branch; unknown is one too, on which nothing is saved.
        project_path: the project's absolute path.
        read_only: what makes this process read-only; "" if nothing does.
        follows_records: whether a copy is looked for where its record says that it lies, whatever the layout is.
        identity: who writes, as far as Git and the environment say it, and what Git says of the code.
        settings: the project's.
        explicit: the configurations of the catalog's entries.
        patterns: those of its patterns.
        memories: the records that this catalog has read, for all entries of one location.
        late: what is known of entries that joined the catalog later.
        run: of a pipeline on this catalog, if one is going on in this process.
        shared_names: of the entries that are shared, as they are used.
        classes: that Kedro has found, by the types that configurations name: it looks in several packages for each.
        root_folders: of records below a root of all copies, whose bucket is there.
    """

    branch: Branch
    project_path: str
    identity: Background[Found]
    settings: Settings
    read_only: str = ""
    follows_records: bool = False
    explicit: Sequence[Config] = field(default=(), compare=False, repr=False)
    patterns: Sequence[Config] = field(default=(), compare=False, repr=False)
    memories: dict[tuple[str, ...], RecordMemory] = field(default_factory=dict, compare=False, repr=False)
    late: LateEntries = field(default_factory=LateEntries, compare=False, repr=False)
    run: Run = field(default_factory=Run, compare=False, repr=False)
    shared_names: set[str] = field(default_factory=set, compare=False, repr=False)
    classes: dict[str, type[Any]] = field(default_factory=dict, compare=False, repr=False)
    root_folders: set[str] = field(default_factory=set, compare=False, repr=False)

    def surveyed(self, explicit: Iterable[Config], patterns: Iterable[Config]) -> Policy:
        """This, with the configurations of a catalog's entries and patterns. They are looked at when they are needed.

        Raises:
            ConfigurationError: the project teaches what cannot be taught.
        """
        check_taught(self.settings.location_parameters)
        return replace(self, explicit=tuple(explicit), patterns=tuple(patterns))

    @cached_property
    def catalog(self) -> Survey:
        """What its configurations say of the catalog."""
        return survey(self.explicit, self.patterns, self.branch.slug, self.settings.location_parameters)

    @cached_property
    def data(self) -> DataFolders:
        """Where, by the configurations, data lies."""
        folders = self.catalog.folders
        # As they are called: the disk is not asked for links yet.
        placement = self.placement
        roots = [subject_of(f"{folder}/x", self.project_path, placement.records_root).root for folder in folders]
        roots += placement.roots.values()
        return data_folders(self.project_path, self.catalog.locations, [*folders, *roots])

    def __getstate__(self) -> dict[str, Any]:
        # Surveyed once, and not once more in each worker; some configurations cannot be pickled.
        surveyed = {"catalog": self.catalog, "data": self.data, "author": self.author}
        # Nor can every class; a worker finds them again.
        state = {**self.__dict__, **surveyed, "explicit": (), "patterns": (), "classes": {}}
        # What it has asked of the disk is asked where it is used.
        state.pop("placement", None)
        return state

    @cached_property
    def placement(self) -> Placement:
        """Where the branch's copies and records lie."""
        name, slug = self.branch.name, self.branch.slug
        return Placement(
            self.settings, name, slug, self.project_path, lambda: self.project, lambda: self.catalog.locations
        )

    # Who writes -------------------------------------------------------------------------------------------------------

    @property
    def project(self) -> str | None:
        """Whose data it is."""
        return self.identity.value.writer.project

    @cached_property
    def author(self) -> Author:
        """Who writes the records of this catalog: found out when the first one is written."""
        code, path = self.settings.code, self.project_path
        return Author(lambda: writer_of(self.identity.value, code, self.catalog.locations, path))

    # What is done with an entry ---------------------------------------------------------------------------------------

    def rule(self, spec: EntrySpec) -> Rule:
        """What is done with an entry; shared entries are left alone."""
        # Before any rule: a shared entry of a class that cannot be redirected works too.
        is_shared = self.shares(spec.name, spec.config, spec.classes)
        if is_shared and not self.read_only:
            self.shared_names.add(spec.name)
            return _ALONE
        if self.read_only and (is_shared or self.branch.is_main):
            return self._rule_of_main(spec)
        return self._rule_of_branch(spec)

    def _rule_of_main(self, spec: EntrySpec) -> Rule:
        """What is done with an entry of which there is nothing but main's, where nothing is written."""
        rule = self._rule_of_branch(spec)
        # What cannot be loaded safely stays so.
        return replace(rule, action="refuse_save") if rule.action == "redirect" else rule

    def _rule_of_branch(self, spec: EntrySpec) -> Rule:
        rule = self._rule_of(spec.classes[0], spec.inner_config)
        # A wrapper with a save of its own may keep what is there, too.
        if any(overrides_save(wrapper) for wrapper in spec.classes[1:]):
            rule = replace(rule, seeding="always", saves_itself=True)
        if rule.is_overlay:
            rule = with_partitions(rule, self._rule_of(*spec.partition))
        if spec.is_wrapped:
            return rule_for_wrapped(rule, spec.config, spec.inner_config)
        return rule

    def _rule_of(self, cls: type, config: Config) -> Rule:
        return adapted(rule_for(class_names(cls), config, self.settings.location_parameters), cls, config)

    def why_unmoved(self, spec: EntrySpec, rule: Rule, moved: Iterable[Key]) -> str:
        """Why a save of an entry would write more than what moves to the branch; "" if it would not."""
        keys = list(moved)
        parameters = [rule.parameter, *rule.more]
        for cls, config, moved_keys, names in self._parts_of(spec, rule, keys, parameters):
            # What Kedro's own classes do with their parameters was surveyed.
            if is_surveyed(cls):
                continue
            data = self.data.of_entry(locations_of(rule, spec.inner_config).values())
            parameter = self._unmoved_parameter(cls, config, moved_keys, data)
            if parameter:
                template = errors.SECOND_TABLE if is_of_a_table(parameter) else errors.SECOND_PLACE
                listed = json.dumps([*names, parameter])
                return errors.sentence(template, parameter=parameter, type=own_name(cls), parameters=listed)
        return ""

    def _parts_of(
        self, spec: EntrySpec, rule: Rule, keys: list[Key], parameters: list[str]
    ) -> Iterator[tuple[type, Config, list[Key], list[str]]]:
        """The classes that save an entry: each with its configuration, and with what of that moves."""
        yield spec.classes[0], spec.inner_config, keys, parameters
        config = spec.config
        # From the outside in, as their configurations stand in each other.
        for wrapper in reversed(spec.classes[1:]):
            yield wrapper, config, [("dataset",)], ["dataset"]
            config = config["dataset"]
        if not rule.is_overlay:
            return
        argument = filepath_argument(spec.inner_config)
        yield *spec.partition, [(argument,)], [argument]
        checkpoint = checkpoint_of(spec.inner_config)
        if checkpoint is not None:
            yield *checkpoint, [(argument,)], [argument]

    def late_copies(self, spec: EntrySpec, rule: Rule) -> tuple[str, ...]:
        """The branch copies in a directory that an entry lists which was added later, as its partitions call them.

        Args:
            spec: the entry.
            rule: what is done with it.
        """
        location = absolute(location_of(rule, spec.inner_config))
        directory = listed_directory(location, rule.lists)
        if directory is None or self.catalog.is_listed(directory):
            return ()
        self.late.add_directory(directory)
        suffix = str(spec.inner_config.get("filename_suffix") or "")
        names = []
        for main_location in [*self.catalog.inside(directory), *self.late.inside(directory)]:
            try:
                _, copy = self.locations(main_location)
                name = relative(copy, directory)
            except errors.LocationError:
                # It has no copy, or one elsewhere.
                continue
            # A folder of versions keeps its name, a file loses its suffix.
            names += [name, name.removesuffix(suffix)]
        names += self.placement.folders_inside(directory, [*self.catalog.locations, *self.late.locations])
        return tuple(names)

    def why(self, spec: EntrySpec, rule: Rule) -> str:
        """Why a rule refuses an entry; "" if it does not."""
        if rule.why != errors.HAS_NO_LOCATION:
            return rule.why
        cls = spec.classes[0]
        parameter = self._unmoved_parameter(cls, spec.inner_config, [], self.data)
        # Nobody can teach where a table is.
        if parameter and is_of_a_table(parameter):
            return errors.IS_A_TABLE
        return errors.sentence(rule.why, type=own_name(cls), parameter=parameter or "<parameter>")

    def _unmoved_parameter(self, cls: type, config: Config, moved: Iterable[Key], data: DataFolders) -> str:
        sources: list[str] = []
        names = set(map(catalog_name, class_names(cls)))
        for name, parameters in self.settings.source_parameters.items():
            if catalog_name(name) in names:
                sources += parameters
        return unmoved_parameter(cls, config, moved, sources, data)

    def warn_of_idle_names(self, explicit: Mapping[str, Config]) -> None:
        """Warn of a name in `SteelToes(shared=...)` that is no entry's."""
        if self.settings.shared:
            types = [str(config["type"]) for config in explicit.values()]
            for name in idle_names(self.settings.shared, explicit, types):
                logger.warning(SHARES_NOTHING, name)

    def shares(self, name: str, config: Config, classes: Iterable[type | str]) -> bool:
        """Whether an entry is shared: by its metadata, its name or its type.

        Args:
            name: the entry's.
            config: the entry's.
            classes: its dataset's class, or that class's name where it must not be imported.
        """
        return is_shared(self.settings.shared, name, config, classes)

    # Where it goes ----------------------------------------------------------------------------------------------------

    def moves(self, spec: EntrySpec, rule: Rule) -> Moves:
        """Main's locations of an entry and its branch copies'.

        Raises:
            LocationError: there can be no such copy, for the reason it says.
        """
        texts = locations_of(rule, spec.inner_config)
        # An empty or missing parameter, or one that is no text, such as a file object.
        if not texts:
            value = f"{rule.parameter}={spec.inner_config.get(rule.parameter)!r}"
            reason = reasons.NOT_THE_PARAMETER if rule.is_taught else reasons.NOT_A_LOCATION
            names = ", ".join(sorted(spec.inner_config.keys() - {"type"}))
            raise errors.LocationError(reason, location=value, names=names)
        if rule.is_taught:
            check_taught_names(texts)
        if rule.is_overlay:
            check_partitions(rule, spec.inner_config, texts)
        moves = {key: self.locations(text) for key, text in texts.items()}
        for locations in moves.values():
            self._note_late(locations)
        return moves

    def locations(self, text: str) -> Locations:
        """A location of main's and its branch copy's, which is no main copy and in no directory that is listed.

        Raises:
            LocationError: there can be no such copy, for the reason it says.
        """
        location = self.catalog.as_listed(absolute(text))
        directory = self.catalog.directory_around(location)
        copy = self.placement.copy(location, directory)
        if directory is not None and not is_one_place(location):
            raise errors.LocationError(reasons.DROPPED_HOST, location=location)
        # Two branches' copies, or a copy of a copy, could meet in one file.
        if contains_slug(location, self.branch.slug):
            raise errors.LocationError(reasons.FORM_OF_A_COPY, location=location, branch=self.branch.name)
        self._check_copy(location, copy)
        self.placement.check_apart(location, copy)
        return Locations(location, copy)

    def _check_copy(self, location: str, copy: str) -> None:
        """Refuse a copy that is another entry's main copy, or lies in what main lists."""
        # Case-folded, since a local disk may not tell cases apart.
        names = {normalise(copy).casefold()}
        if self.catalog.guarded and is_local(copy):
            names.add(real_path(copy).casefold())
        if not names.isdisjoint(self.catalog.guarded):
            raise errors.LocationError(reasons.COPY_IS_MAINS, location=location, copy=copy)
        self.check_not_listed(location, copy)

    def check_not_listed(self, location: str, copy: str) -> None:
        """Refuse a copy that lies in what main lists.

        Raises:
            LocationError: it does.
        """
        # Below a root, a link may lead into what main lists.
        place = self.catalog.as_listed(copy) if self.settings.roots else copy
        directory = self.catalog.directory_around(place)
        if directory is None:
            return
        # A placeholder stands for any text, but an entry that lists a copy is refused itself.
        lists_copies = self.catalog.is_pattern(directory) and contains_slug(directory, self.branch.slug)
        if lists_copies:
            return
        root = self.placement.root_at(location)
        if root:
            raise errors.LocationError(reasons.ROOT_IS_LISTED, location=location, root=root, directory=directory)
        raise errors.LocationError(reasons.COPY_IS_LISTED, location=location, copy=copy, directory=directory)

    def _note_late(self, locations: Locations) -> None:
        """Note where a late entry has its data; refuse its copy in what another late one lists, and cannot leave out.

        Raises:
            LocationError: it lies there.
        """
        location, copy = locations
        if self.catalog.knows(location) or self.late.knows(location):
            return
        directory = self.late.directory_around(copy)
        if directory is not None:
            raise errors.LocationError(reasons.COPY_IS_LISTED, location=location, copy=copy, directory=directory)
        self.late.add(location)

    def entry(self, spec: EntrySpec, rule: Rule, moves: Moves, build: Builder) -> Entry:
        """The facts of an entry: where its copies are, and what it is in which record.

        Args:
            spec: the entry.
            rule: what is done with it.
            moves: its `moves`.
            build: gives the dataset of a side.

        Raises:
            LocationError: it cannot have a record there.
        """
        if len(moves) > 1 and (spec.version or rule.is_overlay):
            location = next(iter(moves.values())).main_location
            raise errors.LocationError(reasons.SEVERAL_PLACES, location=location)
        entry_seeding = seeding(rule, spec.inner_config)
        places: dict[tuple[str, str], PlaceOfEntry] = {}
        for key, locations in moves.items():
            placed = self._placed(spec, rule, locations, entry_seeding)
            # Two parameters may name one place, or one in the other.
            first = places.setdefault(placed.identity, placed)
            places[placed.identity] = replace(first, keys=(*first.keys, key))
        first, *more = places.values()
        return Entry(
            name=spec.name,
            build=build,
            place=first.place,
            keys=first.keys,
            more=tuple(more),
            parameter=rule.parameter,
            read_only=self.read_only,
            save_refusal=self._save_refusal(rule, next(iter(moves.values())).main_location),
            is_directory=rule.seeding == "directory" or (rule.lists and not rule.is_overlay),
            seeding=first.seeding,
            saves_itself=rule.saves_itself,
            may_write_nothing=rule.may_write_nothing,
            settings=spec.inner_config,
        )

    def _save_refusal(self, rule: Rule, location: str) -> str:
        """Why an entry that is read from both sides is not saved; "" if it is."""
        if rule.is_overlay and self.catalog.keeps_versions(location):
            return errors.LISTS_VERSIONS
        return ""

    def _placed(self, spec: EntrySpec, rule: Rule, locations: Locations, entry_seeding: Seeding) -> PlaceOfEntry:
        """One place of an entry."""
        # A taught class replaces what is its own, and may not be alone there: of late ones nobody knows.
        is_crowded = self.catalog.is_crowded(locations.main_location)
        is_late = rule.is_taught and not self.catalog.knows(locations.main_location)
        if entry_seeding == "never" and (is_crowded or is_late):
            entry_seeding = "directory"
        directory = self.catalog.directory_around(locations.main_location)
        if directory is None:
            place = self._place(spec, rule, locations, units_alone(spec, rule), locations.branch_location)
            return PlaceOfEntry(place, entry_seeding)
        # A glob's data is its directory; an entry inside a directory is a part of what lies there.
        directories = Locations(directory, self._branch_directory(directory, locations))
        is_overlay = self.catalog.is_overlay(directory)
        if not is_inside(locations.main_location, rule, directory):
            units = units_at(spec, rule, is_overlay)
            place = self._place(spec, rule, directories, units, directories.branch_location)
            return PlaceOfEntry(place, entry_seeding)
        units = units_inside(spec, rule, locations.main_location, directory, is_overlay)
        shown = locations.branch_location if is_overlay else directories.branch_location
        place = self._place(spec, rule, directories, units, shown)
        # A directory that is one unit: saving a part of it keeps the rest, so that must be there.
        return PlaceOfEntry(place, entry_seeding if is_overlay else "always")

    def _branch_directory(self, directory: str, locations: Locations) -> str:
        """Where the copy of a directory around an entry lies: the entry's copy has the same path in it."""
        below = locations.main_location.removeprefix(directory)
        if locations.branch_location.endswith(below):
            return locations.branch_location.removesuffix(below)
        return self.placement.copy(directory)

    def _place(self, spec: EntrySpec, rule: Rule, locations: Locations, units: Units, shown: str) -> Place:
        protocol, main_path = filesystem_path(locations.main_location, rule.is_overlay)
        _, branch_path = filesystem_path(locations.branch_location, rule.is_overlay)
        store = open_store(spec.name, protocol, spec.inner_config)
        ledger = self._ledger(spec, locations.main_location, units, shown)
        bucket = self._bucket(store, locations)
        top_path = ledger.layout.top(branch_path, self.branch.slug)
        guard = LinkGuard(store, main_path, branch_path, top_path, units)
        return Place(store, main_path, branch_path, replace(ledger, bucket=bucket, guard=guard))

    def _ledger(self, spec: EntrySpec, location: str, units: Units, shown: str) -> Ledger:
        # The record belongs to the location, not to the name: two entries on one location share it.
        layout = self.placement.layout_at(location)
        subject = self.placement.subject_in(location, layout.root)
        if self.catalog.directory_around(f"{subject.root}/{FOLDER}/record.json") is not None:
            raise errors.LocationError(reasons.RECORD_IS_LISTED, location=location, directory=subject.root)
        root = open_root(spec.name, subject.root, location, spec.inner_config)
        path = subject.record_path(self.branch.slug)
        former = None
        former_location = former_spelling(location)
        # No version that spelled it so knew of roots.
        if former_location and not layout.root:
            former_subject = subject._replace(location=former_location)
            former = Former(former_subject.record_path(self.branch.slug), former_location)
        return Ledger(
            store=root.store,
            path=path,
            branch_name=self.branch.name or "",
            dataset=spec.name,
            location=subject.location,
            branch_location=shown,
            layout=layout,
            units=units,
            author=self.author,
            former=former,
            rooted=self._rooted(location, subject) if layout.root else None,
            memory=self.memories.setdefault((root.store.label, path, root.store.access, units.kind), RecordMemory()),
            run=self.run,
        )

    def _rooted(self, location: str, subject: Subject) -> Rooted:
        # The root is on the same store: the same client reads what lies without it.
        path = self.placement.subject_in(location, "").record_path(self.branch.slug)
        # A path from the project may be another project's, too.
        is_from_project = not parse(subject.location).base
        return Rooted(path, self.project if is_from_project else None, self.root_folders)

    def _bucket(self, store: Store, locations: Locations) -> BranchBucket | None:
        """The branch's own bucket, if the layout gives it one."""
        main_location, copy = locations
        if not self.placement.layout_at(main_location).moves_bucket(main_location):
            return None
        name = bucket_of(copy)
        scheme = normalise(copy).split(":")[0]
        return BranchBucket(store, f"{scheme}://{name}", self.branch.name or "", self.settings.create_buckets)

    # Where records are ------------------------------------------------------------------------------------------------

    def record_roots(self, configs: Mapping[str, Config]) -> list[RecordRoot]:
        """Where data and records of these entries can lie, each place once. Shared entries have none."""
        roots: dict[tuple[Any, ...], RecordRoot] = {}
        for name, config in configs.items():
            # What is shared has no copies, and its store may not be ours to list.
            if self.shares(name, config, [config["type"]]):
                continue
            for rule, location, inner, _ in located([config], self.settings.location_parameters):
                # An address of the web can have no copies, and nobody lists it.
                if rule.action != "redirect" or scheme_of(parse(location).scheme).is_http:
                    continue
                for subject in self.placement.subjects_of(self.catalog.directory_around(location) or location):
                    # A pattern's own place is certain only where its placeholders stand below the root.
                    if _is_certain(subject.root):
                        root = self._record_root(name, subject, location, inner)
                        subjects = roots.setdefault(root.key, root).subjects
                        subjects.setdefault(name, set()).add(subject.location)
        return list(roots.values())

    def _record_root(self, name: str, subject: Subject, location: str, inner: Config) -> RecordRoot:
        store, path = open_root(name, subject.root, location, inner)
        data_store = open_store(name, filesystem_path(location)[0], inner)
        return RecordRoot(store, path, data_store, bucket_of(location), subject.base, self.project_path)


def _is_certain(root: str) -> bool:
    """Whether a records' root is one place: without a pattern's placeholder, and without a chain of stores."""
    _, _, rest = root.partition("://")
    return "{" not in root and "://" not in rest
