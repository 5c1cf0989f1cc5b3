"""The example project, played as its README tells it, and against plain Kedro on a private copy of main's data."""

import hashlib
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kedro.io import DataCatalog
from packaging.requirements import Requirement

from steel_toes import SteelToes
from steel_toes.cli.commands import group
from support import flights
from support.flights import EXAMPLE, SHARED, Flights, copied

pytestmark = [pytest.mark.contract, pytest.mark.slow, pytest.mark.xdist_group("flights")]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
UNDO = re.compile(r"undo/parabola/\d{8}T\d{6}Z")
VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")

NAMES = ["raw_airlines", "raw_airports", "delays", "metrics", "report_months", "report_airports", "scoreboard"]


def blocks(text: str, *languages: str) -> list[tuple[str, str]]:
    """The code blocks of these languages, in order."""
    return [(language, block) for language, block in BLOCK.findall(text) if language in languages]


class Played(Flights):
    """A copy of the example, and what its commands printed there.

    Args:
        folder: of the project.
        home: whose Git configuration counts.
        variables: of the environment, beside those that a command needs to run at all.
    """

    def __init__(self, folder: Path, home: Path, **variables: str) -> None:
        super().__init__(folder, **variables)
        self.home = home
        self.printed: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a process gets here: nothing of the caller's that it can do without."""
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "TMPDIR", "SYSTEMROOT") if name in os.environ}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        fixed = {"PATH": path, "HOME": str(self.home), "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "DO_NOT_TRACK": "1"}
        for role in ("AUTHOR", "COMMITTER"):
            fixed |= {f"GIT_{role}_NAME": "A Tester", f"GIT_{role}_EMAIL": "tester@example.invalid"}
        return {**kept, **fixed, **self.variables}

    def script(self, script: str, **more: Any) -> str:
        """What a script prints that ends well."""
        return self.run(["bash", "-e", "-o", "pipefail", "-c", script], **more)

    def play(self, section: str) -> None:
        """Do what a section of the README says: its commands, and the changes that it shows."""
        for language, block in blocks(section, "console", "diff"):
            if language == "diff":
                self.script("git apply", input=block)
            for command, _ in STEP.findall(block) if language == "console" else ():
                self.printed.append(f"$ {command}\n{self.script(self.as_typed(command))}")

    def as_typed(self, command: str) -> str:
        """A command of the README here: what steel_toes says beside a table, and the undo branch of this very run."""
        if not command.startswith("steel-toes"):
            return command
        for undo in UNDO.findall("".join(self.printed)):
            command = UNDO.sub(undo, command)
        # It may end with 1, as a refusal does: what it says is compared.
        return f"export COLUMNS=80; {command} 2>&1 || true"


@pytest.fixture(scope="module")
def example() -> Path:
    """The example as it is in the repository."""
    return EXAMPLE


@pytest.fixture(scope="module")
def sections(example) -> dict[str, str]:
    """The README's sections by their titles; the first has none."""
    first, *rest = (example / "README.md").read_text().split("\n## ")
    return {"": first} | {title: text for title, _, text in (section.partition("\n") for section in rest)}


@pytest.fixture(scope="module")
def story(sections, tmp_path_factory) -> SimpleNamespace:
    """The README, played once, from its first command to its last.

    Beside it, the section about the branch is played by plain Kedro, on a private copy of what main had.
    """
    folder = tmp_path_factory.mktemp("flights")
    copied(folder / "clone" / "examples" / "flights")
    project = Played(folder / "flights", folder / "home")
    (setup,) = blocks(sections[""], "sh")
    project.script(re.sub(r"^pip .*$", "", setup[1], flags=re.MULTILINE), cwd=folder / "clone")

    project.play(sections["On main"])
    on_main = project.files()
    shutil.copytree(project.folder, folder / "private")
    private = Played(folder / "private", folder / "home", STEEL_TOES_ENABLED="false")
    with ThreadPoolExecutor() as pool:
        plain = pool.submit(private.play, sections["On a branch"])
        project.play(sections["On a branch"])
        plain.result()
    on_branch = project.files()
    project.play(sections["Back on main"])
    project.play(sections["On disk"])
    shutil.copytree(project.folder, folder / "merged", symlinks=True)
    merged = Played(folder / "merged", folder / "home")
    merged.play(sections["The merge"])
    return SimpleNamespace(
        merged=merged, project=project, private=private, on_main=on_main, on_branch=on_branch, at_end=project.files()
    )


@pytest.fixture(scope="module")
def refused(story, sections, tmp_path_factory) -> Played:
    """The section about a schema, played after the merge."""
    pytest.importorskip("kedro.validation.core", reason="this Kedro has no validators")
    pytest.importorskip("pandera.pandas", reason="the schema is pandera's: the group `law` has it")
    folder = tmp_path_factory.mktemp("refused")
    shutil.copytree(story.merged.folder, folder / "flights", symlinks=True)
    project = Played(folder / "flights", story.merged.home)
    project.play(sections["A schema that refuses"])
    return project


@pytest.fixture
def catalog_of(monkeypatch):
    """Kedro's catalog of a project, with or without steel_toes; the last one's folder is the working directory."""

    def catalog_in(folder: Path, hook: SteelToes | None = None) -> DataCatalog:
        monkeypatch.chdir(folder)
        return flights.catalog_of(hook)

    return catalog_in


def answers(catalog: DataCatalog) -> dict[str, Any]:
    """All that a catalog answers of the project's data."""
    loaded = {name: catalog.load(name) for name in NAMES}
    seen: dict[str, Any] = {name: data if name == "metrics" else data.to_csv() for name, data in loaded.items()}
    seen |= {f"exists {name}": catalog.exists(name) for name in [*NAMES, "months@all", "months@new", "model"]}
    seen["months@all"] = {month: load().to_parquet() for month, load in catalog.load("months@all").items()}
    seen["months@new"] = catalog.load("months@new")
    seen["model"] = catalog.load("model").convert().coef.tolist()
    return seen


def digests(files: dict[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


# The README ----------------------------------------------------------------------------------------------------------


def test_the_readme_prints_this(sections, story):
    """What the README shows is what its commands say, but for what is another's at each run."""
    text = "".join(section for title, section in sections.items() if title != "A schema that refuses")
    shown = "".join(block for _, block in blocks(text, "console"))
    assert screen("".join([*story.project.printed, *story.merged.printed])) == screen(shown)


def mains_of(project: Played) -> dict[str, str]:
    """The SHA-256 of each file that main had when the section began; but not of the shared one."""
    mains = {path: data for path, data in project.mains.items() if "--" not in path and not path.startswith("_")}
    del mains[SHARED]
    return digests(mains)


def test_merge_and_back(story):
    """The parabola was main's for a while; since it was taken back, main has the bytes that it had."""
    now = digests(story.merged.files())
    assert {path: now.get(path) for path in mains_of(story.merged)} == mains_of(story.merged)
    assert not [path for path in now if "--" in path]


def test_a_schema_refuses(refused, sections):
    """What it prints is in the README, and main's data is as it was."""
    shown = "".join(block for _, block in blocks(sections["A schema that refuses"], "console"))
    assert screen("".join(refused.printed)) == screen(shown)
    now = digests(refused.files())
    assert {path: now.get(path) for path in mains_of(refused)} == mains_of(refused)


def test_the_readme_is_short(example):
    """The README has fewer than 350 lines, and no block that a test here neither runs nor reads."""
    text = (example / "README.md").read_text()
    assert len(text.splitlines()) < 350
    assert {language for language, _ in BLOCK.findall(text)} == {"sh", "console", "diff", "yaml"}


def test_two_lines_and_a_shared_entry(example):
    """The project knows steel_toes in its settings, in one entry of its catalog, and in its requirements only."""
    ours = [*example.glob("*"), *(example / "src").rglob("*"), *(example / "conf").rglob("*")]
    files = [path for path in ours if path.suffix in {".py", ".yml", ".toml", ".txt"}]
    known = [path.name for path in files if re.search(r"^[^#\n]*steel.toes", path.read_text(), re.MULTILINE)]
    assert sorted(known) == ["catalog.yml", "requirements.txt", "settings.py"]
    code = (example / "src/flights/settings.py").read_text().partition('"""\n')[2].split("\n")
    assert [line for line in code if line] == ["from steel_toes import SteelToes", "HOOKS = (SteelToes(),)"]


def test_requirements_are_met(example):
    """Everything that the project requires is what these tests run with."""
    for line in (example / "requirements.txt").read_text().split():
        wanted = Requirement(line)
        found = importlib.metadata.version(wanted.name)
        assert wanted.specifier.contains(found, prereleases=True), f"{wanted.name} {found}"


# The law -------------------------------------------------------------------------------------------------------------


def test_main_never_changes(story):
    """After a branch's two runs every file that main had has the SHA-256 it had; but not the shared one."""
    before, after = digests(story.on_main), digests(story.on_branch)
    changed = {path for path in before if after.get(path) != before[path]}
    assert changed == {SHARED}


def test_main_goes_on_as_if_there_were_no_branch(story, catalog_of):
    """A run on main after the branch's appends no month and confirms none: main's log is the one it had."""
    changed = {path for path in story.on_branch if story.at_end.get(path) != story.on_branch[path]}
    assert changed <= {"05_reports/months.csv"}
    main = catalog_of(story.project.folder)
    assert list(main.load("months@all")) == [f"2013-{month:02}" for month in range(1, 10)]
    assert main.load("months@new") == {}
    assert main.load("model").degree() == 1


def test_shared_is_everybodys(story):
    """The shared file is main's: each run of the branch appended its line to it, and there is no copy of it."""
    before, after = story.on_main[SHARED].decode(), story.on_branch[SHARED].decode()
    assert after.startswith(before)
    assert [line.split(",")[0] for line in after.splitlines()] == ["2013-09", "2013-10", "2013-11"]
    assert [path for path in story.on_branch if "scoreboard" in path] == [SHARED]


def test_the_branch_sees_a_private_copy(story, catalog_of):
    """After two runs each entry answers what plain Kedro answers after the same runs on a copy of main's data."""
    plain = answers(catalog_of(story.private.folder))
    assert answers(catalog_of(story.project.folder, SteelToes(branch="cubic"))) == plain


def test_the_branch_goes_on_with_its_own(story, catalog_of):
    """The branch's second run appends to its log, goes on from its checkpoint and adds to its versions."""
    catalog = catalog_of(story.project.folder, SteelToes(branch="cubic"))
    assert list(catalog.load("delays")["month"]) == [f"2013-{month:02}" for month in range(1, 12)]
    assert story.on_branch["02_months--cubic/CHECKPOINT"] == b"2013-11"
    assert story.on_branch["02_months/CHECKPOINT"] == b"2013-09"


def test_versions_of_both_sides(story, catalog_of):
    """The branch's model has main's version and the branch's two, as on the private copy; each loads by its name."""
    branch = catalog_of(story.project.folder, SteelToes(branch="cubic"))
    assert degrees(branch, story.on_branch) == [1, 3, 3]
    plain = catalog_of(story.private.folder)
    assert degrees(plain, story.private.files()) == [1, 3, 3]


def degrees(catalog: DataCatalog, files: dict[str, bytes]) -> list[int]:
    """The degree of each version of the model, whichever side it is on, oldest first."""
    versions = sorted(path.split("/")[1] for path in files if path.startswith("04_model"))
    return [catalog.load("model", version=version).degree() for version in versions]


def test_only_what_the_branch_wrote_is_twice(story):
    """Of main's partitions no copy is made: the branch has October, November and its checkpoint."""
    copies = {path for path in story.on_branch if path.startswith("02_months--cubic/")}
    assert {Path(path).name for path in copies} == {"2013-10.parquet", "2013-11.parquet", "CHECKPOINT"}


def test_git_sees_no_data(story):
    """Neither the data nor the copies nor their records are Git's: after all runs the working tree is clean."""
    assert any(path.startswith("_steel_toes/cubic/") for path in story.at_end)
    assert story.project.script("git status --porcelain") == ""


# The screens in the repository's README -------------------------------------------------------------------------------

VARYING = {  # what is another's at each run: how old, how big (pyarrow's and pickle's affair), whose, of which commit
    r"\b\d+ (s|min|h|d)\b": "<age>",
    r"\b[\d.]+ (bytes|kB|MB)\b": "<size>",
    r"(?<= )(?!months@)\S+@\S+": "<author>",
    r"\b[0-9a-f]{8}\b": "<commit>",
    r"\d{8}T\d{6}Z": "<time>",
    r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z": "<version>",
    r" {2,}": "  ",
}


def screen(text: str) -> str:
    """What a command printed, without what varies."""
    for pattern, word in VARYING.items():
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def test_screens_of_the_readme(root, story):
    """What the repository's README shows of each command is what it prints in this project at 80 columns."""
    (block,) = (block for _, block in blocks((root / "README.md").read_text(), "console"))
    assert max(map(len, block.splitlines())) <= 80
    settings = "export COLUMNS=80\n"
    steps = STEP.findall(block)
    story.project.script("git switch --quiet cubic")
    printed = "".join(f"$ {command}\n{story.project.script(f'{settings}{command} 2>&1')}" for command, _ in steps)
    story.project.script("git switch --quiet main")
    commands = [command.split() for command, _ in steps]
    # What promote and seed show, the README says in words: here nothing is merged, and there is no other branch.
    shown = {command[1] for command in commands if command[0] == "steel-toes"}
    assert shown == set(group.commands) - {"promote", "seed"}
    assert screen(printed) == screen(block), printed


# CI ------------------------------------------------------------------------------------------------------------------

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_REF_NAME": "7/merge",
    "GITHUB_HEAD_REF": "cubic",
    "GITHUB_REPOSITORY": "team/flights",
    "GITHUB_EVENT_PATH": "event.json",
}
EVENT = {"pull_request": {"number": 7, "head": {"ref": "cubic", "repo": {"full_name": "team/flights"}}}}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "cubic",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "team/flights",
    "CI_MERGE_REQUEST_PROJECT_PATH": "team/flights",
}


def jobs(sections: dict[str, str]) -> list[list[str]]:
    """The commands of the README's jobs: GitHub's, then GitLab's."""
    (_, github), (_, gitlab) = blocks(sections["In CI"], "yaml")
    steps = yaml.safe_load(github)["jobs"]["flights"]["steps"]
    return [[step["run"] for step in steps if "run" in step], yaml.safe_load(gitlab)["flights"]["script"]]


def test_jobs_run_what_the_readme_runs(sections):
    """Both jobs link the data, install the requirements, and run Kedro as one does at home."""
    github, gitlab = jobs(sections)
    assert github == gitlab
    assert [shlex.split(command)[0] for command in github] == ["ln", "pip", "kedro"]
    assert github[1:] == ["pip install -r requirements.txt", STEP.findall(sections["On main"])[0][0]]


@pytest.mark.parametrize("variables", [GITHUB, GITLAB], ids=["GitHub", "GitLab"])
def test_ci_finds_the_branch_by_itself(variables, story, sections, catalog_of, tmp_path, monkeypatch):
    """On a request's detached checkout, with the data linked as the job does it, the branch reads its own data."""
    link = jobs(sections)[0][0].replace("/mnt/team-data/flights", shlex.quote(str(story.project.data)))
    checkout = tmp_path / "checkout"
    story.project.script(f"git clone --quiet . {shlex.quote(str(checkout))}")
    story.project.script(f"git switch --quiet --detach origin/cubic; {link}", cwd=checkout)
    (checkout / "event.json").write_text(json.dumps(EVENT))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    catalog = catalog_of(checkout, SteelToes())
    assert catalog.load("metrics")["month"] == "2013-11"
    assert len(catalog.load("delays")) == 11
