"""What a run would be refused in the middle is refused before its first node: a node may run for hours."""

from __future__ import annotations

from typing import Any

from steel_toes.catalog.run import all_branched
from steel_toes.errors import BranchUnknownError, CopyError, RunRefusedError, count


def check_run(pipeline: Any, catalog: Any) -> None:
    """Whether everything that a pipeline saves and loads can be saved and loaded.

    Args:
        pipeline: that is to be run.
        catalog: with which.

    Raises:
        BranchUnknownError: something is to be saved, and the branch is unknown.
        RunRefusedError: it cannot, for the reasons that it lists.
    """
    refusals = _refusals(pipeline, catalog)
    if not refusals:
        return
    unknown = [name for name, error in refusals.items() if isinstance(error, BranchUnknownError)]
    if unknown:
        why = refusals[unknown[0]].facts["why"]
        raise BranchUnknownError(dataset=", ".join(unknown), why=why)
    lines = [f"- {name} ({error.facts['type']}): {error.facts['why']}" for name, error in refusals.items()]
    raise RunRefusedError(
        branch=next(iter(refusals.values())).facts["branch"],
        datasets=count(len(refusals), "dataset"),
        refusals="\n".join(lines),
        names=", ".join(f'"{name}"' for name in refusals),
    )


def _refusals(pipeline: Any, catalog: Any) -> dict[str, CopyError]:
    """The error of each dataset that a save, a confirmation or a load of would be refused."""
    refusals: dict[str, CopyError] = {}
    for node in pipeline.nodes:
        for name in (*node.outputs, *node.confirms):
            for branched in all_branched(catalog, [name]):
                if branched.save_error is not None:
                    refusals[name] = branched.save_error
        for name in node.inputs:
            for branched in all_branched(catalog, [name]):
                if branched.load_error is not None:
                    refusals.setdefault(name, branched.load_error)
    return refusals
