"""Where a branch copy lies by its record, whatever the project's layout is by now: for who only looks."""

from __future__ import annotations

import copy
from dataclasses import replace

from steel_toes.catalog.policy import Policy
from steel_toes.catalog.roots import Subject, open_root
from steel_toes.catalog.spec import EntrySpec
from steel_toes.datasets.paths import absolute, locations_of
from steel_toes.datasets.registry import Rule
from steel_toes.errors import CopyError
from steel_toes.naming.layout import LAYOUTS
from steel_toes.records.file import RecordFile
from steel_toes.records.record import NO_RECORD, Record


def as_recorded(policy: Policy, spec: EntrySpec, rule: Rule) -> Policy:
    """A policy that finds the branch copy of an entry where its record says that it lies.

    Args:
        policy: of the catalog; it is returned as it is unless it follows records.
        spec: the entry.
        rule: what is done with it.
    """
    # Whoever writes is told of another layout, and does not save past it.
    if not policy.follows_records:
        return policy
    record = _record_of(policy, spec, rule)
    has_root = record.root != ""
    is_todays = record.layout == policy.placement.layout_name and has_root == bool(policy.settings.roots)
    if is_todays or record.layout not in LAYOUTS:
        return policy
    # What the catalog says of its entries is the same, and found out once.
    twin = copy.copy(policy)
    # A root that is none of the project's counts for nobody.
    roots = policy.settings.roots if has_root else {}
    object.__setattr__(twin, "settings", replace(policy.settings, layout=record.layout, roots=roots))
    # It knows the settings.
    twin.__dict__.pop("placement", None)
    return twin


def _record_of(policy: Policy, spec: EntrySpec, rule: Rule) -> Record:
    """The record of an entry, of several places the first that there is."""
    for text in locations_of(rule, spec.inner_config).values():
        location = policy.catalog.as_listed(absolute(text))
        place = policy.catalog.directory_around(location) or location
        # What today's settings say comes first.
        for subject in reversed(policy.placement.subjects_of(place)):
            record = _record_at(policy, spec, location, subject)
            if not record.exists:
                continue
            # One that says another root than that below which it lies is none of ours: whoever loads it is told so.
            return record if policy.placement.subject_in(place, record.root) == subject else NO_RECORD
    return NO_RECORD


def _record_at(policy: Policy, spec: EntrySpec, location: str, subject: Subject) -> Record:
    try:
        root = open_root(spec.name, subject.root, location, spec.inner_config)
        return RecordFile(root.store, subject.record_path(policy.branch.slug), spec.name).read()
    except CopyError:
        # Whoever loads it is told why it cannot be read.
        return NO_RECORD
