"""One form for the URLs of one repository."""

from __future__ import annotations

import re

from steel_toes.redaction import redacted

_URL = re.compile(r"[\w+.-]+://(?:[^/]*@)?(\[[^/]*\]|[^/:]*)(?::\d*)?([^?#]*).*")
# git@host:path. A single letter is a drive of Windows.
_SCP = re.compile(r"(?:[^/]*@)?([^/:@]{2,}):(.+)")


def project_name(name: str) -> str:
    """What a project is called; of a URL with user info or a query (`CI_REPOSITORY_URL`), what of it is no secret.

    It is another with each of CI's tokens, and the project is one.
    """
    if redacted(name) == name:
        return name
    return normalise_url(name) or name


def normalise_url(url: str) -> str | None:
    """The `host/path` of a repository, in lower case as most hosts see it; a local path stays as it is.

    Users, passwords, queries and ports are dropped: the same repository has another port for each protocol.

    Returns:
        None for a blank URL.
    """
    text = url.strip()
    match = _URL.fullmatch(text) or _SCP.fullmatch(text)
    host, path = match.groups() if match else ("", text)
    path = path.rstrip("/").removesuffix(".git").rstrip("/")
    if host:
        return f"{host}/{path.lstrip('/')}".lower()
    return path or None
