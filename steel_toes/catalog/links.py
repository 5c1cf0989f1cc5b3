"""The folders of a project that are links out of it: data on another disk is one."""

from __future__ import annotations

import os

from steel_toes.naming.folders import lies_below


def link_targets(project_path: str) -> dict[str, str]:
    """Where each folder of the project leads that is a link out of it.

    Of all folders, and not of those alone in which a catalog has data: another environment's has others, and both must
    call a location the same.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(project_path) if entry.is_symlink())
    except OSError:
        # Who has no project's folder has no links in it.
        return {}
    folders = [f"{project_path}/{name}" for name in names]
    targets = {folder: _target_of(folder, project_path) for folder in folders}
    return {folder: target for folder, target in targets.items() if target}


def _target_of(folder: str, project_path: str) -> str:
    """Where a folder of the project leads, if it is a link out of the project; else ""."""
    target = os.path.realpath(folder)
    real_project = os.path.realpath(project_path)
    # A link to a folder around the project, or to one in it, leads to no folder of data.
    if target == real_project or lies_below(target, real_project) or lies_below(real_project, target):
        return ""
    return target
