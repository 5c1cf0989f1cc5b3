"""A project like kedro-starters' spaceflights, written by hand: three raw files, five nodes, a versioned model."""

from __future__ import annotations

from typing import Any, ClassVar

from support.mill import Mill

CATALOG = """
companies: {type: pandas.CSVDataset, filepath: data/01_raw/companies.csv}
reviews: {type: pandas.CSVDataset, filepath: data/01_raw/reviews.csv}
shuttles: {type: pandas.ExcelDataset, filepath: data/01_raw/shuttles.xlsx, load_args: {engine: openpyxl}}
preprocessed_companies: {type: pandas.ParquetDataset, filepath: data/02_intermediate/preprocessed_companies.parquet}
preprocessed_shuttles: {type: pandas.ParquetDataset, filepath: data/02_intermediate/preprocessed_shuttles.parquet}
model_input_table: {type: pandas.ParquetDataset, filepath: data/03_primary/model_input_table.parquet}
regressor: {type: pickle.PickleDataset, filepath: data/06_models/regressor.pickle, versioned: true}
metrics: {type: json.JSONDataset, filepath: data/08_reporting/metrics.json}
"""
PARAMETERS = """
features: [engines, crew]
"""
NODES = '''
import pandas as pd
from sklearn.linear_model import LinearRegression


def preprocess_companies(companies: pd.DataFrame) -> pd.DataFrame:
    """Rates as numbers."""
    companies["company_rating"] = companies["company_rating"].str.rstrip("%").astype(float) / 100
    return companies


def preprocess_shuttles(shuttles: pd.DataFrame) -> pd.DataFrame:
    """Prices as numbers."""
    shuttles["price"] = shuttles["price"].str.replace("[$,]", "", regex=True).astype(float)
    return shuttles


def create_model_input_table(shuttles: pd.DataFrame, companies: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Everything that is known of a shuttle."""
    rated = shuttles.merge(reviews, left_on="id", right_on="shuttle_id")
    return rated.merge(companies, left_on="company_id", right_on="id", suffixes=("", "_company")).dropna()


def train_model(table: pd.DataFrame, features: list) -> LinearRegression:
    """Fit the price to the features."""
    return LinearRegression().fit(table[features], table["price"])


def evaluate_model(model: LinearRegression, table: pd.DataFrame, features: list) -> dict:
    """How well it fits."""
    return {"features": features, "r2": round(model.score(table[features], table["price"]), 6)}
'''
REGISTRY = """
from kedro.pipeline import Pipeline, node

from spaceflights import nodes


def register_pipelines():
    return {
        "__default__": Pipeline(
            [
                node(nodes.preprocess_companies, "companies", "preprocessed_companies"),
                node(nodes.preprocess_shuttles, "shuttles", "preprocessed_shuttles"),
                node(
                    nodes.create_model_input_table,
                    ["preprocessed_shuttles", "preprocessed_companies", "reviews"],
                    "model_input_table",
                ),
                node(nodes.train_model, ["model_input_table", "params:features"], "regressor"),
                node(nodes.evaluate_model, ["regressor", "model_input_table", "params:features"], "metrics"),
            ]
        )
    }
"""
FILES = {
    "conf/base/catalog.yml": CATALOG,
    "conf/base/parameters.yml": PARAMETERS,
    "src/spaceflights/nodes.py": NODES,
    "src/spaceflights/pipeline_registry.py": REGISTRY,
}
NAMES = ["preprocessed_companies", "preprocessed_shuttles", "model_input_table", "metrics"]


class Spaceflights(Mill):
    """The project, with a remote; its raw files are on the team's disk."""

    package = "spaceflights"
    sources: ClassVar[dict[str, str]] = FILES

    def prepare(self) -> None:
        """Put the raw files where everybody reads them."""
        import pandas as pd

        numbers = range(60)
        raw = self.folder / "data/01_raw"
        raw.mkdir(parents=True)
        pd.DataFrame(
            {"id": list(range(6)), "company_rating": [f"{50 + 7 * n}%" for n in range(6)], "fleet": [3, 1, 4, 1, 5, 9]}
        ).to_csv(raw / "companies.csv", index=False)
        pd.DataFrame({"shuttle_id": list(numbers), "rating": [n * 37 % 100 for n in numbers]}).to_csv(
            raw / "reviews.csv", index=False
        )
        pd.DataFrame(
            {
                "id": list(numbers),
                "company_id": [n % 6 for n in numbers],
                "engines": [1 + n % 4 for n in numbers],
                "crew": [1 + n % 7 for n in numbers],
                "price": [f"${1_000 + 300 * (n % 4) + 70 * (n % 7) + 11 * (n * 37 % 100):,}" for n in numbers],
            }
        ).to_excel(raw / "shuttles.xlsx", index=False)

    def answers(self, catalog: Any) -> dict[str, Any]:
        """What a catalog shows of all that the pipeline makes."""
        shown: dict[str, Any] = {}
        for name in NAMES:
            data = catalog.load(name)
            shown[name] = data if name == "metrics" else data.to_csv()
        model = catalog.load("regressor")
        shown["regressor"] = (model.feature_names_in_.tolist(), model.coef_.round(9).tolist())
        return shown
