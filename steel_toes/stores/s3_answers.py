"""What S3 answers to s3fs's own client, told by botocore's events while an object is watched."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from steel_toes.stores.answers import Answer, Effect, Watches
from steel_toes.stores.identity import identity_of

_KEY = "steel_toes"  # in the context of a request
_DONE = (200, 206)
_LOOKS = ("Head", "List")
_watches: WeakKeyDictionary[Any, Watches] = WeakKeyDictionary()
_registering = threading.Lock()


def watches_of(client: Any) -> Watches:
    """What is watched of a client's requests; from the first call on it is told of each answer."""
    with _registering:
        watches = _watches.get(client)
        if watches is None:
            watches = _watches[client] = Watches()
            # Botocore's own events: boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html
            client.meta.events.register("provide-client-params.s3", _note_request)
            client.meta.events.register("after-call.s3", partial(_note_answer, watches))
        return watches


def _note_request(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Keep of a request what its answer does not say."""
    body = params.get("Body", b"")
    size = None
    # What is read from a file has no length here.
    if isinstance(body, bytes | bytearray | memoryview):
        size = len(body)
    deleted = params.get("Delete", {})
    keys = [item["Key"] for item in deleted.get("Objects", ())]
    keys.append(params.get("Key", ""))
    bucket = params.get("Bucket")
    context[_KEY] = [f"{bucket}/{key}" for key in keys], size


def _note_answer(
    watches: Watches,
    http_response: Any,
    parsed: Mapping[str, Any],
    model: Any,
    context: Mapping[str, Any],
    **_: Any,
) -> None:
    """Note what an answer says of each object that it is about."""
    paths, size = context.get(_KEY, ((), None))
    is_done = http_response.status_code in _DONE
    if model.name.startswith(_LOOKS) or (model.name == "GetObject" and not is_done):
        return
    answer = Answer(Effect.OTHERWISE)
    if is_done:
        answer = _answer_of(model.name, parsed, size)
    for path in paths:
        watches.note(path, answer)


def _answer_of(operation: str, parsed: Mapping[str, Any], size: int | None) -> Answer:
    """What an answer shows of an object."""
    if operation == "GetObject":
        start, stop, total = _range_of(parsed)
        identity = identity_of({"size": total, "ETag": parsed["ETag"]})
        return Answer(Effect.READ, identity, total, start, stop)
    if operation == "PutObject" and size is not None:
        return Answer(Effect.WRITTEN, identity_of({"size": size, "ETag": parsed["ETag"]}), size)
    return Answer(Effect.OTHERWISE)


def _range_of(parsed: Mapping[str, Any]) -> tuple[int, int, int]:
    """Where what was read begins and ends, exclusive, and how many bytes there are: of `bytes 0-9/1234`."""
    length = int(parsed["ContentLength"])
    text = str(parsed.get("ContentRange", ""))
    if not text:
        return 0, length, length
    span, _, total = text.removeprefix("bytes ").partition("/")
    start = int(span.split("-")[0])
    return start, start + length, int(total)
