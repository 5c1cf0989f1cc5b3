"""One function turns a location into text: no user info, no query, and local paths as they are."""

from __future__ import annotations

import ast
import logging
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.redaction import REDACTED, cause_of, logger_of, redacted

SECRET = "hUsH"

# What holds a secret, and what is left of it.
URLS = {
    f"https://user:{SECRET}@host/x.csv": f"https://{REDACTED}@host/x.csv",
    f"https://{SECRET}@host": f"https://{REDACTED}@host",
    f"https://host/x.csv?sig={SECRET}": f"https://host/x.csv?{REDACTED}",
    f"https://host/x.csv?{SECRET}": f"https://host/x.csv?{REDACTED}",
    f"https://host/x.csv#access_token={SECRET}": f"https://host/x.csv?{REDACTED}",
    f"https://u:{SECRET}@host:8443/a/b.git?token={SECRET}#{SECRET}": f"https://{REDACTED}@host:8443/a/b.git?{REDACTED}",
    f"s3://KEY:{SECRET}@bucket/x": f"s3://{REDACTED}@bucket/x",
    f"s3://KEY:{SECRET}/{SECRET}+=@bucket/x": f"s3://{REDACTED}@bucket/x",
    f"s3://bucket/x.csv?X-Amz-Credential=K%2F2030&X-Amz-Signature={SECRET}": f"s3://bucket/x.csv?{REDACTED}",
    f"s3://bucket/*?.csv?any={SECRET}": f"s3://bucket/*?.csv?{REDACTED}",
    f"sftp://user:{SECRET}@host/x.csv": f"sftp://{REDACTED}@host/x.csv",
    f"sftp://user:{SECRET} ?#'\" {SECRET}@host/my data/x.csv": f"sftp://{REDACTED}@host/my data/x.csv",
    f"s3://bucket/my data/o'x.csv?sig={SECRET}": f"s3://bucket/my data/o'x.csv?{REDACTED}",
    f"simplecache::s3://K:{SECRET}@bucket/x": f"simplecache::s3://{REDACTED}@bucket/x",
    f"zip://a.csv::https://u:{SECRET}@host/x.zip": f"zip://a.csv::https://{REDACTED}@host/x.zip",
    f"abfs://c:{SECRET}@account/x": f"abfs://{REDACTED}@account/x",
    f"abfss://c@account.dfs.core.windows.net/x?sv=1&sig={SECRET}": (
        f"abfss://c@account.dfs.core.windows.net/x?{REDACTED}"
    ),
    f"bucket/x.csv?sv=1&sig={SECRET}": f"bucket/x.csv?{REDACTED}",
    f"bucket/x.csv?X-Amz-Signature={SECRET}": f"bucket/x.csv?{REDACTED}",
}
SENTENCES = {
    f"fatal: unable to access 'https://u:{SECRET}@host/x?token={SECRET}/info/refs': no": (
        f"fatal: unable to access 'https://{REDACTED}@host/x?{REDACTED}': no"
    ),
    f'PermissionError: GET "https://h/x?sig={SECRET}" (403), s3://K:{SECRET}@b/y': (
        f'PermissionError: GET "https://h/x?{REDACTED}" (403), s3://{REDACTED}@b/y'
    ),
    f"Cannot read bucket/x?sig={SECRET}": f"Cannot read bucket/x?{REDACTED}",
}
EXACT = [
    *("data/02/x.csv", "/data/what?a=b#c@d.csv", "/data/u:p@h/x?sig=1", "data/what?x=1.csv", "a@b.csv", "C:\\data\\x?"),
    *("file://u:p@h/x.csv", "local://me@host/x"),
    *("file:///data/u:p@h/what?a=b#c.csv", "file:///x?sig=1", "s3://bucket/x#1.csv", "s3://bucket/a?.csv", "s3://"),
    *("abfs://container@account.dfs.core.windows.net/x", "oci://bucket@namespace/x", "s3://bucket/me@host/x.csv"),
    *("http://[::1]:8080/a@b", "hdfs://host:8020/me@x", "table@pandas", "git@github.com:org/x", "me@host: why?"),
    *("s3://bucket/team:a/me@x.csv", "Is it https://host/x? Yes.", ""),
]


@pytest.mark.parametrize(("text", "left"), {**URLS, **SENTENCES}.items())
def test_redacted(text: str, left: str) -> None:
    """User info and queries are cut out of a location, and out of those in a sentence; once is enough."""
    assert redacted(text) == left
    assert redacted(left) == left


@pytest.mark.parametrize(("text", "left"), URLS.items())
def test_inside_a_sentence(text: str, left: str) -> None:
    """A location is recognised wherever it stands, in quotes or not."""
    if " " not in text:
        for sentence in ("at {}", "at '{}' now", '{{"at": "{}"}}', "(at {} now)", "ValueError: {}\n{}"):
            assert SECRET not in redacted(sentence.format(text, text))
            assert left.split("?", maxsplit=1)[0] in redacted(sentence.format(text, text))


@pytest.mark.parametrize("text", EXACT)
def test_exact(text: str) -> None:
    """A local path, a container, an object's name and plain words stay as they are."""
    assert redacted(text) == text


# No blank but the space: nobody types another.
PASSWORD = st.text(st.one_of(st.just(" "), st.characters(exclude_categories=("Z", "C"), exclude_characters="@")))
WORD = st.text(string.ascii_letters + string.digits + "-_.~%", min_size=1)


@given(st.sampled_from(["s3", "gs", "sftp", "https", "hdfs", "abfs"]), WORD, WORD, PASSWORD, WORD)
def test_any_password(scheme: str, user: str, host: str, password: str, name: str) -> None:
    """Whatever stands between a name and the host is gone, and so is a query."""
    password = f"{SECRET}{password}{SECRET}"
    text = redacted(f"{scheme}://{user}:{password}@{host}/x.csv?{name}={SECRET}")
    assert SECRET not in text
    assert redacted(text) == text


@given(st.text(string.printable.replace("\n", "")))
def test_any_local_path(name: str) -> None:
    """Whatever a local file is called, its absolute path is shown as it is."""
    if "://" not in name:
        for start in ("/data/", "file:///data/"):
            path = f"{start}{name.replace(' ', '_')}"
            if not path[1:].count("//") or start != "/data/":
                assert redacted(path) == path


def test_cause() -> None:
    """A cause is kept for whoever looks for a bug, unless it or one behind it says a secret: a traceback prints all."""

    def chained(*texts: str) -> Exception:
        error = Exception(texts[0])
        error.__cause__ = chained(*texts[1:]) if texts[1:] else None
        return error

    plain = chained("no", "not there")
    assert cause_of(plain) is plain
    assert cause_of(chained(f"https://h?x={SECRET}")) is None
    assert cause_of(chained("no", f"https://u:{SECRET}@h")) is None


def test_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a line is given, it shows locations as messages do."""
    for text in URLS:
        logger_of("steel_toes.some.module").warning("%s reads %s, %d", "x", text, 1)
        logger_of("steel_toes.some.module").warning(f"at {text.replace(' ', '')}")
    assert len(caplog.records) == 2 * len(URLS)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(str(vars(record)) for record in caplog.records)
    logging.getLogger("steel_toes.some.module").filters.clear()


@pytest.mark.repository
def test_nothing_goes_past_it(root: Path) -> None:
    """No module has a logger of its own making, no Kedro error a text of its own, and no value a bare location."""
    past = []
    for path in sorted((root / "steel_toes").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            place = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name == "logging.getLogger" and path.name != "redaction.py":
                    past.append(f"{place}: {name}")
                if name in ("DatasetError", "VersionNotFoundError") and "sentence" not in ast.unparse(node.args[0]):
                    past.append(f"{place}: {name}")
            if isinstance(node, ast.ClassDef) and is_bare(node):
                past.append(f"{place}: {node.name}")
    assert past == []


LOCATIONS = {"location", "main_path", "branch_path", "branch_location", "main_location", "former_path", "saves_to"}


def is_bare(node: ast.ClassDef) -> bool:
    """Whether a value has a location, and a `repr` that shows it."""
    names = {ast.unparse(item.target) for item in node.body if isinstance(item, ast.AnnAssign)}
    return bool(names & LOCATIONS) and not any("redacted_repr" in ast.unparse(item) for item in node.decorator_list)
