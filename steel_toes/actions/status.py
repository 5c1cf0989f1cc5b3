"""`status`: which side each dataset is read from, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from steel_toes import errors, sentences
from steel_toes.actions.inventory import Inventory, Unrecorded
from steel_toes.catalog.install import branched_behind
from steel_toes.catalog.listings import located
from steel_toes.catalog.policy import Policy
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.paths import absolute, location_of
from steel_toes.datasets.refused import RefusedDataset
from steel_toes.datasets.registry import Config, names_in, rule_for
from steel_toes.datasets.versions import BranchedVersions
from steel_toes.naming.branch import make_slug
from steel_toes.naming.layout import Layout
from steel_toes.records.file import RecordFile, RecordMemory
from steel_toes.records.origins import Origin, is_as_seeded, origins_of
from steel_toes.records.place import Place, Side
from steel_toes.records.record import Kind, Record, path_on_branch
from steel_toes.records.state import Verdict
from steel_toes.redaction import redacted_repr
from steel_toes.stores.base import Object
from steel_toes.stores.snapshot import Snapshot
from steel_toes.stores.together import each_together

REFUSED = "refused"
READ_ONLY = "read only"

_WORDS = {
    Verdict.MAIN: sentences.UNIT_WITHOUT_RECORD,
    Verdict.UNFINISHED: sentences.UNIT_UNFINISHED,
    Verdict.BRANCH: sentences.UNIT_SAVED,
    Verdict.TORN: sentences.UNIT_TORN,
    Verdict.GONE: sentences.UNIT_GONE,
    Verdict.CHANGED: sentences.UNIT_CHANGED,
    Verdict.NOTHING: sentences.UNIT_WITHOUT_RECORD,
}


@redacted_repr
@dataclass(frozen=True)
class Status:
    """What a dataset is on the branch.

    Args:
        dataset: its name.
        side: whose data a load would read, "main" or "branch"; None where it would fail.
        why: of the side.
        saves: where a save goes: "branch"; "main", if the entry is shared; "memory"; "refused"; "read only", where
            nobody saves it.
        main_path: of main's copy; None where the entry has none.
        reads_from: the path of the copy that is read.
        saves_to: the path that a save goes to; None where it goes to none.
        bytes: of that side's copy: of a dataset with versions, of all; of an overlay, without main's.
        modified: when that was last written, by the store's clock; of a dataset with versions, the one that is read.
        commit: of the code that saved the branch copy.
        dirty: whether that code differed from the commit.
        author: who saved it.
        main_exists: whether main has a copy; None where it was not looked for.
        main_changed: whether main's copy changed since the branch copy was begun; None without one.
        seeded_from: the branch, or main, that the branch copy began as.
    """

    dataset: str
    side: str | None
    why: str
    saves: str | None = None
    main_path: str | None = None
    reads_from: str | None = None
    saves_to: str | None = None
    bytes: int | None = None
    modified: datetime | None = None
    commit: str | None = None
    dirty: bool | None = None
    author: str | None = None
    main_exists: bool | None = None
    main_changed: bool | None = None
    seeded_from: str | None = None

    @property
    def has_failed(self) -> bool:
        """Whether nothing could be found out."""
        return self.saves is None


def statuses(
    catalog: Any, inventory: Inventory, configs: Mapping[str, Config], outputs: Collection[str] = ()
) -> Iterator[Status]:
    """The status of each of these datasets, as it becomes clear; what one store does not answer is its own `why`.

    Args:
        catalog: a catalog on which steel_toes is installed.
        inventory: of the project.
        configs: the entries.
        outputs: of the project's pipelines: whatever cannot be saved, and is none of them, is only read.
    """
    policy = inventory.policy
    unrecorded = inventory.find_unrecorded(policy.branch.slug)

    def status(name: str) -> Status:
        try:
            answer = _status(name, catalog.get(name), policy, configs[name], unrecorded)
        except Exception as exc:  # noqa: BLE001 - one entry that cannot be built or reached does not hide the others
            why = f"{type(exc).__name__}: {exc}"
            return Status(name, None, " ".join(why.split()))
        if policy.read_only and answer.saves in ("branch", "main"):
            return replace(answer, saves=REFUSED, saves_to=None)
        # While the branch is unknown, all are refused for that.
        is_refused = answer.saves == REFUSED and answer.saves_to is None
        if is_refused and name not in outputs and policy.branch.is_known:
            return replace(answer, why=sentences.SIDE_LEFT_ALONE, saves=READ_ONLY)
        return answer

    # Each entry waits for its store; in the catalog's order.
    return each_together(status, configs)


def _status(name: str, dataset: Any, policy: Policy, config: Config, unrecorded: Unrecorded) -> Status:
    # As `isinstance` sees it: a proxy is of its dataset's class.
    if policy.shares(name, config, [dataset.__class__]):
        return _status_of_main(name, sentences.SIDE_SHARED, "main", _main_path(policy, config))
    # Of what a hook has put around several the first speaks for all.
    for branched in branched_behind(dataset)[:1]:
        if isinstance(branched, RefusedDataset):
            return _status_of_main(name, branched.why, REFUSED, _main_path(policy, config))
        return _status_now(name, branched, unrecorded, _todays_layout(policy, config))
    # What the policy leaves alone has no proxy: only the reason differs.
    if getattr(dataset, "_EPHEMERAL", False):
        return _status_of_main(name, sentences.SIDE_IN_MEMORY, "memory", None)
    return _status_of_main(name, sentences.SIDE_LEFT_ALONE, READ_ONLY, _main_path(policy, config))


def _status_of_main(name: str, why: str, saves: str, path: str | None) -> Status:
    """The status of a dataset that has no branch copy."""
    saves_to = path if saves == "main" else None
    return Status(name, "main", why, saves, main_path=path, reads_from=path, saves_to=saves_to)


def _main_path(policy: Policy, config: Config) -> str | None:
    """Where a configuration says that its data is."""
    rule = rule_for(names_in(config), config, policy.settings.location_parameters)
    location = location_of(rule, config)
    return absolute(location) if location else None


def _todays_layout(policy: Policy, config: Config) -> Layout | None:
    """The layout by which an entry would be saved now: what is shown follows its record."""
    for item in located([config], policy.settings.location_parameters):
        return policy.placement.layout_at(item.location)
    return None


def _status_now(name: str, branched: BranchedDataset, unrecorded: Unrecorded, layout: Layout | None) -> Status:
    """The status of a dataset, of which each store is asked once.

    What is no saved copy is looked at once more: somebody may have saved between two requests.
    """
    snapshot = _snapshot(branched, unrecorded)
    verdicts = _verdicts(snapshot)
    if any(verdict is not Verdict.BRANCH for verdict in verdicts.values()):
        snapshot = _snapshot(branched, Unrecorded({}))
        verdicts = _verdicts(snapshot)
    return _status_of_branched(name, snapshot, verdicts, layout)


def _snapshot(branched: BranchedDataset, unrecorded: Unrecorded) -> BranchedDataset:
    """The same dataset, whose stores are asked once for each path."""
    entry = branched.entry
    more = [replace(other, place=_place_once(other.place, unrecorded)) for other in entry.more]
    return branched.at(replace(entry, place=_place_once(entry.place, unrecorded), more=tuple(more)))


def _place_once(place: Place, unrecorded: Unrecorded) -> Place:
    """The same place, whose stores are asked once for each path."""
    records = place.ledger.store.wide()
    ledger = replace(
        place.ledger,
        store=Snapshot.of(records, partial(unrecorded.has, records)),
        memory=RecordMemory(),
    )
    return replace(place, store=Snapshot.of(place.store.wide()), ledger=ledger)


def _status_of_branched(
    name: str, branched: BranchedDataset, verdicts: Mapping[str, Verdict], layout: Layout | None
) -> Status:
    place = branched.place
    record = place.ledger.read()
    # As a run would choose it; `written` keeps it from being frozen.
    side = branched.open_run(written=True)
    objects = _objects(branched, side)
    size = sum(item.size for item in objects.values())
    main_exists = _has_main(place, side, objects)
    is_missing = side is Side.MAIN and not main_exists
    status = Status(
        dataset=name,
        side=side.value if side else None,
        why=_why(verdicts, place.units.kind, record),
        saves="branch",
        main_path=_shown_main(place),
        reads_from=_read_path(place, side),
        saves_to=place.ledger.branch_location,
        bytes=None if side is None or is_missing else size,
        modified=_age(branched, objects),
        main_exists=main_exists,
    )
    # A record whose units are all gone from the entry says nothing of it.
    if record.exists and verdicts:
        status = _with_seed(_with_writer(status, branched, record), place, record)
    return _as_refused(status, place, record, layout)


def _as_refused(status: Status, place: Place, record: Record, layout: Layout | None) -> Status:
    """The same, with what stands in the way of a save: another project's copy, or one of another layout."""
    is_todays = layout is None or layout.is_alike(record.full_layout, record.location)
    if record.settled.exists and not is_todays:
        why = sentences.OF_ANOTHER_LAYOUT.format(why=status.why, layout=record.full_layout.named)
        status = replace(status, why=why, saves=REFUSED, saves_to=None)
    if place.ledger.writer.is_of_another_project(record.writer):
        why = sentences.OF_ANOTHER_PROJECT.format(why=status.why, project=record.writer.project)
        return replace(status, why=why, saves=REFUSED)
    return status


def _verdicts(branched: BranchedDataset) -> dict[str, Verdict]:
    """The verdicts on the units of all places, by their paths: two places have the same names for theirs."""
    verdicts: dict[str, Verdict] = {}
    for place in branched.places:
        for unit, verdict in place.verdicts(place.ledger.read()).items():
            verdicts[place.unit_path(Side.BRANCH, unit)] = verdict
    return verdicts


def _objects(branched: BranchedDataset, side: Side | None) -> dict[str, Object]:
    """The objects of a side's copy at all places, by their paths."""
    objects: dict[str, Object] = {}
    if side is None:
        return objects
    for place in branched.places:
        own_path = place.own_path(side)
        for path, item in place.store.objects(own_path).items():
            objects[f"{own_path}/{path}"] = item
    return objects


def _has_main(place: Place, side: Side | None, objects: Mapping[str, Object]) -> bool | None:
    """Whether main has a copy."""
    if side is Side.MAIN:
        return bool(objects)
    # Whether it has changed is asked of it, too.
    if place.units.kind == "whole" and side is Side.BRANCH:
        return place.identity(Side.MAIN, place.units.own) is not None
    return bool(place.store.objects(place.own_path(Side.MAIN)))


def _shown_main(place: Place) -> str:
    return place.store.shown(place.own_path(Side.MAIN))


def _read_path(place: Place, side: Side | None) -> str | None:
    if side is None:
        return None
    return place.ledger.branch_location if side is Side.BRANCH else _shown_main(place)


def _age(branched: BranchedDataset, objects: Mapping[str, Object]) -> datetime | None:
    """When what is read was last written; of versions, the one that a load gives."""
    items = dict(objects)
    if isinstance(branched, BranchedVersions) and objects:
        version = branched.resolve_load_version()
        items = {path: item for path, item in objects.items() if f"/{version}/" in path}
    return max((item.modified for item in items.values()), default=None)


def _with_writer(status: Status, branched: BranchedDataset, record: Record) -> Status:
    """The same, with what the record says of who saved the branch copy, and of main since."""
    main_changed = None
    # Before the first save has finished there is nothing to compare main with.
    if record.settled.exists:
        main_changed = branched.place.has_main_changed(record.settled)
    return replace(
        status,
        commit=record.writer.commit,
        dirty=record.writer.dirty,
        author=str(record.writer),
        main_changed=main_changed,
    )


def _with_seed(status: Status, place: Place, record: Record) -> Status:
    """The same, with what the branch copy began as, and whether that branch has saved since."""
    origins = origins_of(record)
    if not origins:
        return status
    text = ", ".join(_origin_text(origin, place) for origin in origins)
    why = f"{status.why}, {text}"
    # Nobody has saved anything on this branch.
    if status.why == sentences.UNIT_SAVED and is_as_seeded(record):
        why = text
    names = [origin.branch_name or "main" for origin in origins]
    return replace(status, why=why, seeded_from=", ".join(names))


def _origin_text(origin: Origin, place: Place) -> str:
    branch_name = origin.branch_name
    if not branch_name:
        return sentences.SEEDED_FROM.format(branch=sentences.MAIN_OF_THEN)
    ledger = place.ledger
    path = path_on_branch(ledger.path, make_slug(branch_name))
    try:
        now = RecordFile(ledger.store, path, ledger.dataset).read()
    except errors.CopyError:
        # It is said for information only; the copy is this branch's.
        return sentences.SEEDED_FROM.format(branch=branch_name)
    text = sentences.SEEDED_FROM
    if now.is_gone:
        text = sentences.SEEDED_AND_GONE_SINCE
    elif now.id != origin.record_id:
        text = sentences.SEEDED_AND_SAVED_SINCE
    return text.format(branch=branch_name)


def _why(verdicts: Mapping[str, Verdict], kind: Kind, record: Record) -> str:
    """Why a side is read, in words."""
    # What a promote keeps of main may be that there was nothing.
    if not verdicts and record.settled.absent:
        return sentences.ABSENT_AS_IN_MAIN.format(number=len(record.settled.absent))
    # Neither a record nor a file at the copy's place.
    if not verdicts:
        return sentences.NEVER_SAVED
    if kind == "whole":
        # Of several places each word once.
        return ", ".join(dict.fromkeys(_WORDS[verdict] for verdict in verdicts.values()))
    counts = Counter(verdicts.values())
    noun = "version" if kind == "versioned" else "file"
    why = ", ".join(_part(number, noun, verdict) for verdict, number in counts.items())
    if Verdict.BRANCH not in counts:
        return why
    return f"{why}, {_relation(record)}"


def _part(number: int, noun: str, verdict: Verdict) -> str:
    """So many units with one verdict: `3 files`, `1 version torn: its save did not finish`."""
    text = errors.count(number, noun)
    if verdict is Verdict.BRANCH:
        return text
    return f"{text} {_WORDS[verdict]}"


def _relation(record: Record) -> str:
    """How the branch's units and main's lie to each other."""
    if record.kind == "versioned":
        return sentences.BESIDE_MAINS
    if record.hides_main:
        return sentences.INSTEAD_OF_MAINS
    return sentences.OVER_MAINS
