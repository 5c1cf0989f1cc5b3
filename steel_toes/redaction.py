"""What a message may show: one function turns a location into text, and every text goes through it.

    sftp://user:pw@host/x.csv         -> sftp://<redacted>@host/x.csv
    https://host/x.csv?sig=abc        -> https://host/x.csv?<redacted>
    abfs://container@account/x.csv    -> abfs://container@account/x.csv
    /data/what?a=b#c@d.csv            -> /data/what?a=b#c@d.csv

As Kedro redacts: whatever stands there, since no list of names is complete. A local path is shown as it is.
"""

from __future__ import annotations

import logging
import re
from typing import TypeVar

T = TypeVar("T")

REDACTED = "<redacted>"

_LOCAL = frozenset({"file", "local"})
# Before the `@` of these is a container, Azure's or Oracle's, and no user.
_WITH_CONTAINERS = frozenset({"abfs", "abfss", "adl", "az", "oci", "wasb", "wasbs"})

_SCHEME = r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z0-9][A-Za-z0-9+.-]*)://"
# Up to the last `@` of the host's part; where a password has a `/` in it, of all that follows without a blank.
_USER = re.compile(rf"{_SCHEME}(?P<user>[^/?#\s]*|(?!\[)[^/?#\s:]+:(?!:|\d*(?:[/?#\s]|$))\S*)@")
_URL = re.compile(r"(?:\w+::)*[A-Za-z0-9][A-Za-z0-9+.-]*://")
_INTO_URL = str.maketrans(" '\"<>", "\ue000\ue001\ue002\ue003\ue004")
_OUT_OF_URL = str.maketrans("\ue000\ue001\ue002\ue003\ue004", " '\"<>")
_HOST = rf"(?:{REDACTED}@)?[^\s'\"<>?#]*"
_END = rf"(?:{REDACTED}|[^\s'\"<>]+)"
_HTTP_QUERY = re.compile(rf"(?P<before>\bhttps?://{_HOST})[?#]{_END}", re.IGNORECASE)
# `?` is a glob character, and both may be in an object's name: elsewhere a query begins before `name=`.
_QUERY = re.compile(rf"(?P<before>{_SCHEME}{_HOST}(?:[?#][^\s'\"<>=]*(?=[?#]))?)[?#][^\s'\"<>/?*=\[\]]+={_END}")
# An object's path has no scheme any more; one that begins with a slash is local.
_PATH_QUERY = re.compile(
    r"(?<![^\s'\"(=])(?P<before>(?![/.]|\S*://)[^\s'\"<>?]+)\?(?:[^\s'\"<>]*&)?"
    rf"(?:sig|sas|X-Amz-[\w-]+|X-Goog-[\w-]+|AWSAccessKeyId|Signature|\w*token|\w*password|\w*secret)={_END}",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """A text in which no URL has its user info and its query; idempotent.

    Args:
        text: a location, or a sentence with some in it.
    """
    # A text that begins with a URL is one, and what ends one in a sentence may be in its password or its path.
    if _URL.match(text):
        return _redacted(text.translate(_INTO_URL)).translate(_OUT_OF_URL)
    return _redacted(text)


def _redacted(text: str) -> str:
    # Nearly every text has none.
    if "://" in text:
        text = _USER.sub(_without_user, text)
        text = _HTTP_QUERY.sub(rf"\g<before>?{REDACTED}", text)
        text = _QUERY.sub(_without_query, text)
    if "?" in text:
        text = _PATH_QUERY.sub(rf"\g<before>?{REDACTED}", text)
    return text


def holds_container(scheme: str, user: str) -> bool:
    """Whether what stands before the `@` of a URL is a container."""
    return scheme.lower() in _WITH_CONTAINERS and ":" not in user


def _without_user(match: re.Match[str]) -> str:
    scheme, user = match["scheme"], match["user"]
    if scheme.lower() in _LOCAL or holds_container(scheme, user):
        return match[0]
    return f"{scheme}://{REDACTED}@"


def _without_query(match: re.Match[str]) -> str:
    if match["scheme"].lower() in _LOCAL:
        return match[0]
    return f"{match['before']}?{REDACTED}"


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey: names come from records and from Git, and may hold escapes."""
    return "".join(map(_printable_character, text))


def _printable_character(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def shown(text: str) -> str:
    """A text as people may see it: nothing in it is secret, and a terminal obeys nothing of it."""
    return printable(redacted(text))


def cause_of(error: BaseException) -> BaseException | None:
    """An exception, to be the cause of one of ours; None if it or one behind it says what must not be shown.

    A traceback, which prints them all, is often in a log.
    """
    behind: BaseException | None = error
    while behind is not None:
        text = str(behind)
        if redacted(text) != text:
            return None
        behind = behind.__cause__ or behind.__context__
    return error


def logger_of(name: str) -> logging.Logger:
    """The logger of a module. Whatever its lines are given, they show locations as messages do.

    A logging configuration with `disable_existing_loggers: true` does not silence it: a level does.
    """
    usual_class = logging.getLoggerClass()
    logging.setLoggerClass(_Logger)
    try:
        logger = logging.getLogger(name)
    finally:
        logging.setLoggerClass(usual_class)
    logger.addFilter(_redact_line)
    return logger


class _Logger(logging.Logger):
    """A logger that is never disabled only because it was there before the logging was configured."""

    @property
    def disabled(self) -> bool:
        """False."""
        return False

    @disabled.setter
    def disabled(self, _: bool) -> None:
        """Nothing is disabled."""


def _redact_line(record: logging.LogRecord) -> bool:
    # Each argument by itself, where it is known where a location ends; then what others are made of.
    if isinstance(record.args, tuple):
        record.args = tuple(redacted(value) if isinstance(value, str) else value for value in record.args)
    record.msg = redacted(record.getMessage())
    record.args = None
    return True


def redacted_repr(cls: type[T]) -> type[T]:
    """A class that holds locations, whose `repr` shows them as messages do: a traceback may print it."""
    plain_repr = cls.__repr__

    def __repr__(self: T) -> str:  # noqa: N807 - it becomes the class's
        return redacted(plain_repr(self))

    cls.__repr__ = __repr__  # type: ignore[assignment]  # of a class that is being made
    return cls
