"""Every store: the same law on the local disk, `memory://`, S3, Google Cloud Storage and Azure Blob.

The servers are real ones on the loopback, which the fixtures start and stop: moto and SeaweedFS (S3), fake-gcs-server
and azurite. What cannot be had is skipped, with the reason; where it must be had, as `CI` and `STORES_REQUIRED`
(`s3,gcs,azure,seaweedfs`) say, the tests fail. After each test main's objects are compared, bytes and etags, and
whatever was logged, raised or recorded is searched for the credentials' secret.
"""

import contextlib
import pickle
import traceback

import fsspec
import pytest
from kedro.io import DatasetError

from steel_toes import TornCopyError
from steel_toes.datasets.proxy import branched_of
from steel_toes.errors import OTHERS_WERE_FASTER, ChangedCopyError, StoreError, TornAppendError
from support.places import Place, V, answer, refused
from support.seeding import seed
from support.team import BRANCH, SLUG, frame, shown

pytest.importorskip("pandas", reason="most of the datasets here are pandas'")


class TestContract:
    """What a branch sees, and what main keeps, on every store."""

    def test_never_written(self, place: Place) -> None:
        """What the branch never wrote is main's, live, and no record is made by reading it."""
        branch = place.branch("a")
        assert not branch.exists("a")
        place.main_saves(a=frame(1))
        assert branch.exists("a")
        assert shown(branch.load("a")) == [1]
        place.main_saves(a=frame(2))
        branch.release("a")
        assert shown(branch.load("a")) == [2]
        assert place.objects().keys() == place.main.keys()

    def test_written_here(self, place: Place) -> None:
        """What the branch wrote is the branch's: here, for another process, and not for another branch."""
        place.main_saves(a=frame(1))
        branch = place.branch("a")
        branch.save("a", frame(2))
        assert shown(branch.load("a")) == [2]
        assert place.elsewhere("result = catalog.load('a')['x'].tolist(), catalog.exists('a')", "a") == (
            ([2], True) if place.alone else [[2], True]
        )
        branch.save("a", frame(3, 3))
        assert place.elsewhere("result = catalog.load('a')['x'].tolist()", "a") == [3, 3]
        assert shown(place.branch("a", branch="other").load("a")) == [1]
        assert shown(place.plain("a").load("a")) == [1]

    def test_written_elsewhere(self, place: Place) -> None:
        """What another process writes is seen at once, whatever a listing cache of this one remembers."""
        place.main_saves(a=frame(1), v=frame(1), parts={"a": "main"}, version=V[0])
        branch = place.branch("a", "v", "parts")
        cached = fsspec.filesystem(place.protocol, **place.credentials)

        def warm_up() -> None:
            for folder in ("02", f"02/parts--{SLUG}", f"02/v--{SLUG}.csv", f"_steel_toes/{SLUG}"):
                with contextlib.suppress(FileNotFoundError):
                    cached.find(f"{place.url}/{folder}")
                    cached.ls(f"{place.url}/{folder}")

        warm_up()
        assert (shown(branch.load("a")), shown(branch.load("v")), shown(branch.load("parts"))) == (
            [1],
            [1],
            {"a": "main"},
        )
        for number, version in ((2, V[1]), (3, V[2])):
            warm_up()
            code = (
                f"data = pd.DataFrame({{'x': [{number}] * {number}}}); catalog.save('a', data); "
                f"catalog.save('v', data); catalog.save('parts', {{'a': 'branch{number}', 'p{number}': 'new'}})"
            )
            place.elsewhere(code, "a", "v", "parts", version=version)
            assert shown(branch.load("a")) == [number] * number
            # Not `release`, which would drop the very listings.
            assert shown(place.branch("v").load("v")) == [number] * number
            assert shown(branch.load("parts"))["a"] == f"branch{number}"
            assert f"p{number}" in branch.load("parts")

    def test_append(self, place: Place) -> None:
        """An append starts from main's copy, and gives what plain Kedro gives on a copy of its own."""
        place.main_saves(log="one\n")
        branch, plain = place.branch("log"), place.plain("log", where=f"{place.url}/private--{SLUG}")
        plain.save("log", "one\n")
        for line in ("two\n", "three\n"):
            assert answer(lambda: branch.save("log", line)) == answer(lambda: plain.save("log", line))  # noqa: B023
            assert answer(lambda: branch.load("log")) == answer(lambda: plain.load("log"))
        assert shown(place.plain("log").load("log")) == "one\n"

    def test_seed(self, place: Place) -> None:
        """A second branch begins as the first, and a third as main is now; each is copied in the store."""
        place.main_saves(a=frame(1), parts={"a": "main's", "b": "main's"}, version=V[0])
        place.main_saves(v=frame(1), version=V[0])
        first = place.branch("a", "v", "parts", version=V[1])
        first.save("a", frame(2))
        first.save("v", frame(2))
        first.save("parts", {"b": "the branch's"})
        plain = place.plain("a", "v", "parts")
        seed(place.branch("a", "v", "parts", branch="feature/2"), plain, BRANCH)
        seed(place.branch("a", "v", "parts", branch="feature/3"), plain, None, "a", "v", "parts")
        place.main_saves(a=frame(9), parts={"a": "main's, later", "c": "main's"}, version=V[2])
        place.main_saves(v=frame(9), version=V[2])
        first.save("a", frame(3))
        second = place.branch("a", "v", "parts", branch="feature/2")
        third = place.branch("a", "v", "parts", branch="feature/3")
        assert [shown(branch.load("a")) for branch in (second, third)] == [[2], [1]]
        assert [shown(branch.load("v")) for branch in (second, third)] == [[2], [1]]
        assert shown(second.load("parts")) == {"a": "main's, later", "b": "the branch's", "c": "main's"}
        assert shown(third.load("parts")) == {"a": "main's", "b": "main's"}

    def test_versions(self, place: Place) -> None:
        """A versioned dataset is the union of both sides' versions; a version that either side has is refused."""
        place.main_saves(v=frame(1), version=V[0])
        place.main_saves(v=frame(2), version=V[1])
        branch = place.branch("v", version=V[3])
        assert shown(branch.load("v")) == [2]
        branch.release("v")
        branch.save("v", frame(4))
        place.main_saves(v=frame(5), version=V[4])
        later = place.branch("v", version=V[4])
        assert shown(later.load("v")) == [4]
        assert [path.split("/")[-2] for path in later["v"].list_versions()] == [V[4], V[3], V[1], V[0]]
        assert [shown(later.load("v", version=version)) for version in V[:5] if version != V[2]] == [[1], [2], [4], [5]]
        with pytest.raises(DatasetError, match="must not exist"):
            later.save("v", frame(9))
        with pytest.raises(DatasetError, match="must not exist"):
            place.branch("v", version=V[3]).save("v", frame(9))
        assert shown(place.plain("v").load("v")) == [5]

    def test_partitions(self, place: Place) -> None:
        """Partitions are main's with the branch's over them, each decided when it is called."""
        place.main_saves(parts={"a": "main a", "b": "main b", "deep/c": "main c"})
        branch = place.branch("parts")
        early = branch.load("parts")
        branch.save("parts", {"b": "branch b", "d": "branch d"})
        union = {"a": "main a", "b": "branch b", "d": "branch d", "deep/c": "main c"}
        assert shown(branch.load("parts")) == union
        assert early["b"]() == "branch b"
        assert place.elsewhere("result = {n: p() for n, p in catalog.load('parts').items()}", "parts") == union
        assert shown(place.plain("parts").load("parts")) == {"a": "main a", "b": "main b", "deep/c": "main c"}

    def test_partitions_overwritten(self, place: Place) -> None:
        """With `overwrite=True` what the branch saves is all that it has, and main has all that it had."""
        place.main_saves(over={"a": "main a", "b": "main b"})
        branch = place.branch("over")
        branch.save("over", {"b": "branch b", "c": "branch c"})
        assert shown(place.branch("over").load("over")) == {"b": "branch b", "c": "branch c"}
        branch.save("over", {"d": "branch d"})
        assert shown(place.branch("over").load("over")) == {"d": "branch d"}
        assert place.elsewhere("result = sorted(catalog.load('over'))", "over") == ["d"]
        assert sorted(place.plain("over").load("over")) == ["a", "b"]

    def test_increments(self, place: Place) -> None:
        """Increments come after main's checkpoint until the branch confirms one, and main's stays as it is."""
        place.main_saves(inc={"p1": "main 1", "p2": "main 2"})
        main = place.plain("inc")
        main.load("inc")
        main.confirm("inc")
        place.main = place.mains()
        place.main_saves(inc={"p3": "main 3"})
        branch = place.branch("inc")
        assert shown(branch.load("inc")) == {"p3": "main 3"}
        branch.save("inc", {"p4": "branch 4"})
        assert shown(branch.load("inc")) == {"p3": "main 3", "p4": "branch 4"}
        branch.confirm("inc")
        assert shown(place.branch("inc").load("inc")) == {}
        place.elsewhere("catalog.save('inc', {'p5': 'branch 5'})", "inc")
        assert shown(place.branch("inc").load("inc")) == {"p5": "branch 5"}
        assert shown(place.plain("inc").load("inc")) == {"p3": "main 3"}

    def test_nested(self, place: Place) -> None:
        """An entry inside a partition directory is one of its partitions, on main and on the branch."""
        place.main_saves(parts={"a": "main a"}, inner="main z")
        names = ("parts", "inner")
        assert shown(place.branch(*names).load("parts")) == {"a": "main a", "deep/z": "main z"}
        place.branch(*names).save("inner", "branch z")
        assert place.branch(*names).load("inner") == "branch z"
        assert shown(place.branch(*names).load("parts")) == {"a": "main a", "deep/z": "branch z"}
        place.branch(*names).save("parts", {"deep/z": "branch zz"})
        assert place.elsewhere("result = catalog.load('inner')", *names) == "branch zz"
        assert shown(place.plain("parts").load("parts")) == {"a": "main a", "deep/z": "main z"}

    def test_record(self, place: Place) -> None:
        """A record lies in the data's own store, and says what the store says of the data."""
        place.main_saves(a=frame(1), v=frame(1), parts={"a": "main"}, version=V[0])
        branch = place.branch("a", "v", "parts", version=V[1], project="team")
        branch.save("a", frame(2))
        branch.save("v", frame(2))
        branch.save("parts", {"a": "branch"})
        records = place.records_in_store()
        assert {name: (r["state"], r["kind"], r["branch"]) for name, r in records.items()} == {
            "a": ("complete", "whole", BRANCH),
            "v": ("complete", "versioned", BRANCH),
            "parts": ("complete", "overlay", BRANCH),
        }
        assert records["a"]["data"].keys() == {"."}
        assert records["v"]["data"].keys() == {V[1]}
        assert records["v"]["base"].keys() == {V[0]}
        assert records["parts"]["data"].keys() == {"a.txt"}
        own = {path for path in place.objects() if SLUG in path and not path.startswith("02/_steel_toes")}
        expected = {
            f"02/a--{SLUG}.csv",
            f"02/v--{SLUG}.csv/{V[1]}/v--{SLUG}.csv",
            f"02/parts--{SLUG}/a.txt",
        }
        assert {path for path in own if "_steel_toes" not in path} == expected

    def test_changed_by_hand(self, place: Place) -> None:
        """A branch copy that other hands changed or removed is an error, and never main's data."""
        place.main_saves(a=frame(1))
        place.branch("a").save("a", frame(2))
        filesystem = place.filesystem()
        path = filesystem._strip_protocol(f"{place.url}/02/a--{SLUG}.csv")
        filesystem.pipe_file(path, b"x\n77\n78\n")
        with refused(ChangedCopyError, match="altered by other hands"):
            place.branch("a").load("a")
        filesystem.rm_file(path)
        branch = place.branch("a")
        with refused(ChangedCopyError, match="is gone"):
            branch.load("a")
        assert not branch.exists("a")
        branch.save("a", frame(3))
        assert shown(place.branch("a").load("a")) == [3]

    def test_first_save_dies(self, place: Place) -> None:
        """A writer that dies in the first save leaves main's data in sight, and the next save repairs it."""
        place.main_saves(mortal="main")
        place.elsewhere("catalog.save('mortal', 'half; dies')", "mortal", dies=True)
        branch = place.branch("mortal")
        assert branch.load("mortal") == "main"
        branch.save("mortal", "branch")
        assert place.branch("mortal").load("mortal") == "branch"

    def test_later_save_dies(self, place: Place) -> None:
        """A writer that dies in a later save leaves a torn copy: an error that says so until a save repairs it."""
        place.main_saves(mortal="main")
        branch = place.branch("mortal")
        branch.save("mortal", "branch")
        place.elsewhere("catalog.save('mortal', 'half; dies')", "mortal", dies=True)
        for catalog in (branch, place.branch("mortal")):
            with refused(TornCopyError, match="Run the node that saves it again"):
                catalog.load("mortal")
            assert not catalog.exists("mortal")
        assert place.elsewhere("result = catalog.exists('mortal')", "mortal") is False
        place.elsewhere("catalog.save('mortal', 'repaired')", "mortal")
        assert branch.load("mortal") == "repaired"
        assert branch.exists("mortal")

    def test_append_dies(self, place: Place) -> None:
        """An append over a torn copy is refused: it would lose the branch's own rows."""
        place.main_saves(diary="main;")
        branch = place.branch("diary")
        branch.save("diary", "branch;")
        place.elsewhere("catalog.save('diary', 'half; dies')", "diary", dies=True)
        with refused(TornAppendError, match="clean"):
            branch.save("diary", "more;")
        with refused(TornCopyError):
            branch.load("diary")

    def test_partition_save_dies(self, place: Place) -> None:
        """A writer that dies between partitions leaves those in doubt torn, the others readable; a save repairs it.

        One that only fails has said which it had saved whole: those are the branch's.
        """
        place.main_saves(parts={"a": "main", "b": "main", "c": "main"})
        branch = place.branch("parts")
        branch.save("parts", {"a": "branch", "c": "branch"})
        place.elsewhere("catalog.save('parts', {'a': 'half', 'b': die})", "parts", dies=True)
        found = place.branch("parts").load("parts")
        assert found["b"]() == "main"
        assert found["c"]() == "branch"
        # What uses a store in memory cannot be killed alone: there it is an exception.
        if place.protocol == "memory":
            assert found["a"]() == "half"
        else:
            with refused(TornCopyError):
                found["a"]()
        branch.save("parts", {"a": "repaired", "b": "new"})
        assert shown(place.branch("parts").load("parts")) == {"a": "repaired", "b": "new", "c": "branch"}

    def test_pickled(self, place: Place) -> None:
        """A pickled catalog reads and writes the branch in another process, as the runners' workers do."""
        place.main_saves(a=frame(1), parts={"a": "main"})
        cloudpickle = pytest.importorskip("cloudpickle")
        branch = place.branch("a", "parts")
        code = (
            "result = catalog.load('a')['x'].tolist(); catalog.save('a', pd.DataFrame({'x': [2]})); "
            "catalog.save('parts', {'b': 'branch'})"
        )
        assert place.elsewhere(code, pickled=pickle.dumps(branch)) == [1]
        for name in ("a", "parts"):
            branch.get(name)
        code = "result = catalog.load('a')['x'].tolist(), {n: p() for n, p in catalog.load('parts').items()}"
        # Not pickle: Kedro's datasets with a filesystem of s3fs do not go through it, on main neither.
        a, parts = place.elsewhere(code, pickled=cloudpickle.dumps(branch))
        assert (a, parts) == ([2], {"a": "main", "b": "branch"})
        assert shown(branch.load("a")) == [2]
        assert shown(branch.load("parts")) == {"a": "main", "b": "branch"}

    def test_no_bucket(self, place: Place) -> None:
        """Where there is no such bucket, a save is an error that names the store, and no credentials."""
        if place.protocol in ("file", "memory"):
            pytest.skip("a local disk has no buckets: folders are made")
        place.url += "-missing"
        branch = place.branch("a")
        place.url = place.url.removesuffix("-missing")
        with refused(StoreError) as caught:
            branch.save("a", frame(1))
        assert f"{place.protocol}://" in str(caught[0])
        # No bucket is no other's save, which would be tried again.
        assert OTHERS_WERE_FASTER not in str(caught[0])
        told = "".join(traceback.format_exception(caught[0])) + repr(caught[0]) + repr(caught[0].facts)
        assert place.secret not in told

    def test_secrets(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """What describes an entry to people, an error's facts and its pickle included, holds no secret."""
        if not place.secret:
            pytest.skip("this store has no credentials")
        place.main_saves(mortal="main", parts={"a": "main"})
        branch = place.branch("mortal", "parts")
        branch.save("mortal", "branch")
        branch.save("parts", {"a": "branch"})
        place.elsewhere("catalog.save('mortal', 'half; dies')", "mortal", dies=True)
        with refused(TornCopyError) as caught:
            branch.load("mortal")
        pair = branched_of(branch["mortal"])
        told = [caught[0], caught[0].facts, branch, branch["mortal"], branch["parts"], branch.load("parts")]
        told += [pair, pair.place.store, pair.place.ledger, pair.entry]
        texts = [repr(one) for one in told] + ["".join(traceback.format_exception(caught[0]))]
        assert [text for text in texts if place.secret in text] == []
        assert place.secret.encode() not in pickle.dumps(caught[0])
