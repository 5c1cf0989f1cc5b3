"""What a run would be refused in the middle is refused before its first node: a node may run for hours."""

from __future__ import annotations

from typing import Any

from steel_toes.catalog.obstacles import check_free
from steel_toes.catalog.run import all_branched
from steel_toes.errors import BranchUnknownError, CopyError, ReadOnlyError, RunRefusedError, count


def check_run(pipeline: Any, catalog: Any) -> None:
    """Whether everything that a pipeline saves and loads can be saved and loaded.

    Args:
        pipeline: that is to be run.
        catalog: with which.

    Raises:
        BranchUnknownError: something is to be saved, and the branch is unknown.
        ReadOnlyError: something is to be saved, and this process is read-only.
        RunRefusedError: it cannot, for the reasons that it lists.
        RunObstructedError: something is in the way of what is saved.
    """
    refusals = _refusals(pipeline, catalog)
    if not refusals:
        check_free(pipeline, catalog)
        return
    for error in refusals.values():
        # Then all are, for the one reason.
        if isinstance(error, (BranchUnknownError, ReadOnlyError)):
            raise type(error)(**{**error.facts, "dataset": ", ".join(refusals)})
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
            refusals.update(_errors_of(name, "save_error", catalog))
        for name in node.inputs:
            # Where a save is refused, too, that is what matters.
            refusals = {**_errors_of(name, "load_error", catalog), **refusals}
    return refusals


def _errors_of(name: str, attribute: str, catalog: Any) -> dict[str, CopyError]:
    """The error of an entry's saves, or of its loads, if there is one."""
    errors = {}
    for branched in all_branched(catalog, [name]):
        error = getattr(branched, attribute)
        if error is not None:
            errors[name] = error
    return errors
