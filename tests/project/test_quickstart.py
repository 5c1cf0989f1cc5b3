"""The example that a newcomer runs first."""

import json
import re

import pytest

# One worker runs the example, once, for all tests of this group.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("quickstart")]


@pytest.mark.contract
def test_it_succeeds(quickstart):
    """The example ends well, and says nothing on stderr."""
    assert (quickstart.done.returncode, quickstart.done.stderr) == (0, "")


@pytest.mark.contract
def test_main_does_not_change(quickstart):
    """Every file that main had before the branches ran has the same SHA-256 afterwards, and the example says so."""
    assert quickstart.story.count("  unchanged ") == 10
    assert "CHANGED" not in quickstart.story


@pytest.mark.contract
def test_each_branch_reads_what_it_wrote(quickstart):
    """A metric of main and of two branches: three values in three files, each what its branch's run logged."""
    reports = {path.name: json.loads(path.read_text()) for path in (quickstart.data / "04_reports").glob("*.json")}
    said = re.findall(r"^(\d+) flights; arrival predicted to within ([\d.]+) minutes$", quickstart.story, re.MULTILINE)
    main, joins, departure, joins_again = said
    written = {(str(report["flights"]), f"{report['mean_absolute_error']:.2f}") for report in reports.values()}
    assert written == {main, joins, departure}
    assert len(reports) == len(written) == 3
    assert joins_again == joins
    assert departure[0] == main[0] != joins[0]


@pytest.mark.contract
def test_main_is_silent(quickstart):
    """On main steel_toes says nothing; on a branch it says one line at the start of a run and one at its end."""
    main, *branches = re.findall(r"^\$ kedro run.*\n((?:.+\n)+)", quickstart.story, re.MULTILINE)
    assert "steel-toes" not in main
    assert [run.count("steel-toes: ") for run in branches] == [2, 2, 2]


def test_plain_kedro_fails_the_same_story(plain_kedro_quickstart):
    """Without steel_toes the last run finds the model that another branch wrote, and stops."""
    assert plain_kedro_quickstart.done.returncode == 1
    assert "Feature names unseen at fit time:\n- dep_delay" in plain_kedro_quickstart.done.stderr
