"""A run of a pipeline: what is frozen when it begins, and what is said of it when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from steel_toes.catalog.install import branched_behind, policy_of, run_of
from steel_toes.catalog.writer import session_of
from steel_toes.datasets.base import BranchedDataset
from steel_toes.datasets.proxy import AnyBranched
from steel_toes.records.ahead import look_ahead
from steel_toes.records.place import Place
from steel_toes.records.run import RecordKey
from steel_toes.stores.together import together


def begin_run(run_params: Mapping[str, Any], pipeline: Any, catalog: Any) -> None:
    """Freeze the sides of what the run only reads, so that its nodes read the same, and look ahead at what it saves.

    Where each request waits for a network all is asked at once.

    Args:
        run_params: as Kedro gives them to hooks.
        pipeline: what is run.
        catalog: with which.
    """
    runs_nodes = is_of_this_process(run_params)
    run_of(catalog).begin(runs_nodes)
    outputs = list(_outputs(pipeline, catalog))
    inputs = list(all_branched(catalog, pipeline.inputs()))
    # Which nodes are left out is decided later.
    is_certain = runs_nodes and not run_params.get("only_missing_outputs")
    output_places = _places(outputs)
    saved_places = output_places if is_certain else []
    read_places = _places(datasets_of(catalog, pipeline.inputs()))
    all_places = [*output_places, *read_places]
    questions = _questions(inputs, outputs)
    run_of(catalog).look_ahead(partial(look_ahead, saved_places, read_places, all_places))
    together(*questions)
    if is_certain:
        _plan_ahead(pipeline, catalog)


def note_session(run_params: Mapping[str, Any], catalog: Any) -> None:
    """Note what the run says of its session, for its records: sessions of a service share one hook."""
    session = session_of(run_params)
    policy_of(catalog).author.note(env=session.env, params=session.params)


def _questions(inputs: Iterable[AnyBranched], outputs: Iterable[BranchedDataset]) -> list[Callable[[], object]]:
    """What must be asked of inputs at once, since each request waits for a network. Others are asked here and now."""
    written: set[str] = set()
    for output in outputs:
        written.update(record_paths(output))
    questions: list[Callable[[], object]] = []
    for branched in inputs:
        # An entry under another name may be saved at the same location.
        is_written = not written.isdisjoint(record_paths(branched))
        question = partial(branched.open_run, written=is_written)
        if _is_remote(branched):
            questions.append(question)
        else:
            question()
    return questions


def end_run(pipeline: Any, catalog: Any) -> None:
    """End a run: what it froze follows its side again, and records are read again.

    Raises:
        CopyError: what was put behind failed.
    """
    for branched in datasets_of(catalog, pipeline.inputs()):
        branched.thaw()
    run_of(catalog).end()


def _plan_ahead(pipeline: Any, catalog: Any) -> None:
    """Note for each node which of its outputs are put ahead when it begins."""
    for node in pipeline.nodes:
        planned = [branched.put_ahead() for branched in datasets_of(catalog, node.outputs)]
        run_of(catalog).plan_ahead(node.name, filter(None, planned))


def _outputs(pipeline: Any, catalog: Any) -> Iterator[BranchedDataset]:
    """The outputs of a pipeline, as its nodes can save them one after another."""
    for node in pipeline.nodes:
        yield from datasets_of(catalog, node.outputs)


def _places(outputs: Iterable[BranchedDataset]) -> list[Place]:
    """The places of outputs, each once."""
    places: dict[RecordKey, Place] = {}
    for branched in outputs:
        places.update({place.ledger.key: place for place in branched.places})
    return list(places.values())


def _is_remote(branched: AnyBranched) -> bool:
    """Whether each question to a store waits for a network."""
    return isinstance(branched, BranchedDataset) and branched.place.store.is_remote


def is_of_this_process(run_params: Mapping[str, Any]) -> bool:
    """Whether the nodes of a run are run by this very process, by one of Kedro's own runners."""
    # The text of an object, or of a class; none is Kedro's default, which is sequential.
    runner = str(run_params.get("runner"))
    return runner == "None" or any(name in runner for name in ("SequentialRunner", "ThreadRunner"))


def all_branched(catalog: Any, names: Iterable[str]) -> Iterator[AnyBranched]:
    """What is behind the proxies of these entries; other entries are left out."""
    for name in names:
        yield from branched_behind(catalog.get(name))


def datasets_of(catalog: Any, names: Iterable[str]) -> Iterator[BranchedDataset]:
    """The same, without those that are refused: they have no records."""
    for branched in all_branched(catalog, names):
        if isinstance(branched, BranchedDataset):
            yield branched


def record_paths(branched: AnyBranched) -> tuple[str, ...]:
    """The paths of an entry's records, the same for two entries on one location; none for an entry that has none."""
    if isinstance(branched, BranchedDataset):
        return tuple(place.ledger.path for place in branched.places)
    return ()
