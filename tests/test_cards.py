"""Which fields of a card are filled in: templates, two languages, front matter, hostile files."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from _build import change, missing, value
from _onnx import linear
from _records import HOSTILE, make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from frugalbench import bench, cards, jobs
from frugalbench.cards._fields import DATA, MODEL
from frugalbench.cards._text import says_something, words
from frugalbench.errors import UsageError
from frugalbench.record import Card
from frugalbench.spec import Data, Model, Plan, Spec, Target

HUB = """---
license: apache-2.0
datasets: [imdb]
metrics:
- accuracy
model-index:
- name: x
  results:
  - task: {type: text-classification}
    metrics:
    - {type: accuracy, value: 0.9}
co2_eq_emissions:
  emissions: 12.3
---
# Model Card for Example

<!-- Provide a quick summary of what the model is/does. -->

## Model Details

### Model Description

<!-- Provide a longer summary of what this model is. -->

- **Developed by:** [More Information Needed]
- **License:** [More Information Needed]

## Uses

### Direct Use

Sorting film reviews.

### Out-of-Scope Use

[More Information Needed]

## Bias, Risks, and Limitations

[More Information Needed]

## Evaluation

### Testing Data, Factors & Metrics

#### Testing Data

The test split of imdb, 25 000 reviews.

#### Factors

[More Information Needed]

## Model Card Contact

{{ model_card_contact | default("[More Information Needed]", true)}}
"""

FRENCH = """# Fiche

## 1. Détails du modèle

Une régression logistique.

## 2. Usages prévus

Essayer des outils.

## 3. Facteurs

À compléter

## 4. Données d'évaluation

La moitié des lignes.

## 5. Limites

Néant

## Considérations éthiques

Aucune décision sur une personne.

## Empreinte carbone

0,3 kg

**Licence :** CC-BY-4.0

**Contact** : n/a
"""


def read(tmp_path: Path, text: str, kind: cards.Kind = "model", name: str = "card.md") -> Card:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return cards.read(str(path), kind)


def refused(path: Path, kind: cards.Kind = "model") -> str:
    with pytest.raises(UsageError) as caught:
        cards.read(str(path), kind)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_hubs_template_counts_only_where_it_is_filled_in(tmp_path: Path) -> None:
    card = read(tmp_path, HUB)
    assert card.present == (
        *("intended use", "metrics", "evaluation data", "training data"),
        *("quantitative results", "licence", "environmental impact"),
    )
    assert card.sha256 == hashlib.sha256(HUB.encode()).hexdigest()
    assert {*card.present, *card.absent} == set(MODEL)


def test_french_headings_are_understood(tmp_path: Path) -> None:
    card = read(tmp_path, FRENCH)
    assert card.present == (
        *("details", "intended use", "evaluation data", "ethical considerations"),
        *("licence", "environmental impact"),
    )


def test_an_empty_card_has_nothing(tmp_path: Path) -> None:
    for text in ("", "\n\n", "# Model card\n", "---\n---\n", "\ufeff", "\x00"):
        assert read(tmp_path, text).present == ()


@pytest.mark.parametrize(
    "text",
    [
        *("TODO", "TBD.", "n/a", "N/A", "…", "...", "-", "[More Information Needed]", "*To do*"),
        *("À compléter", "none", "{{ limits }}", "<!-- say it here -->", "Developed by:", "- [ ]"),
        *("**Limits:** TBD", "TODO: say what it cannot do", "TBD later", "| a | b |\n|---|---|"),
        *("| a | b |\n|---|:--|\n| accuracy | TBD |", "> ", "***", "<br>", "<!-- never ends\nfoo"),
        *(
            "[More Information Needed](https://hub.example/guide#cards)",
            "```\n```",
            "Néant",
            "\n\n",
        ),
        "- **Size:** [More Information Needed]\n- **Language(s):** {{ language }}",
    ],
)
def test_a_placeholder_is_no_text(tmp_path: Path, text: str) -> None:
    assert "limitations" in read(tmp_path, f"## Limitations\n\n{text}\n").absent


@pytest.mark.parametrize(
    "text",
    [
        *("It errs on accents.", "Errs: often", "| a | b |\n|---|---|\n| x | 0.3 |", "42 cases"),
        *(
            "```\nsome code\n```",
            "- one",
            "### On accents\nIt errs.",
            "<https://example.org/limits>",
        ),
        *(
            "See https://example.org",
            "it is n/a for children",
            "誤り",
            "<b>errs</b>",
        ),
    ],
)
def test_text_of_its_own_counts(tmp_path: Path, text: str) -> None:
    assert "limitations" in read(tmp_path, f"## Limitations\n\n{text}\n").present


@pytest.mark.parametrize(
    "heading",
    [
        *("# Limits", "## 3.2 Known limitations ##", "Limitations\n===", "Limitations\n---"),
        *("**Limitations**", "__Limits__:", "<h2 class='x'>Limits</h2>", "### Caveats, and more"),
        *(
            "## Limites connues",
            "###### LIMITATIONS",
            "## iv) Limits",
            "## Bias, Risks & Limitations",
        ),
    ],
)
def test_headings_are_read_however_they_are_written(tmp_path: Path, heading: str) -> None:
    assert "limitations" in read(tmp_path, f"# A\n\n{heading}\nIt errs on accents.\n").present


@pytest.mark.parametrize("heading", ["## Unlimited", "#limits", "```\n## Limits\n```", "    # x"])
def test_what_is_no_such_heading_is_not_taken_for_one(tmp_path: Path, heading: str) -> None:
    assert "limitations" in read(tmp_path, f"{heading}\nIt errs on accents.\n").absent


def test_a_section_of_a_field_does_not_count_for_the_one_around_it(tmp_path: Path) -> None:
    text = "## Testing data, factors and metrics\n### Metrics\nAccuracy.\n### Test data\nTBD\n"
    card = read(tmp_path, text)
    assert "metrics" in card.present
    assert "evaluation data" in card.absent


def test_keys_count_at_any_depth_and_only_with_a_value(tmp_path: Path) -> None:
    text = """
model_details: {name: net, license: MIT, owners: [{contact: a@b.example}]}
considerations:
  limitations: [TBD, ""]
  ethical_considerations: ~
  use_cases: [sorting reviews]
training_data: []
metrics: true
"""
    card = read(tmp_path, text, name="card.yaml")
    assert card.present == ("details", "intended use", "licence", "contact")


def test_a_data_statement_has_fields_of_its_own(tmp_path: Path) -> None:
    text = """---
license: cc-by-4.0
annotations_creators: [expert-generated]
source_datasets: [original]
label: income
---
# Words

## Curation rationale
To study accents.

## Personal and Sensitive Information
Speakers agreed in writing.

## Data Splits
| split | n |
|---|--:|
| test | 500 |

## Dataset Curators
TBA
"""
    card = read(tmp_path, text, "data")
    assert card.present == (
        *("motivation", "provenance", "people and consent", "labelling", "splits", "licence"),
    )
    assert {*card.present, *card.absent} == set(DATA)
    assert "labelling" in read(tmp_path, "---\nlabel: income\n---\n", "data").absent


def test_lines_end_as_they_may(tmp_path: Path) -> None:
    text = "---\nlicense: MIT\n---\n# Net\n\n## Limits\nIt errs.\n"
    wanted = read(tmp_path, text).present
    assert "limitations" in wanted
    for end in ("\r\n", "\r"):
        assert read(tmp_path, text.replace("\n", end)).present == wanted


def test_the_cards_that_are_shipped_are_complete() -> None:
    folder = Path(cards.__file__).parent.parent / "reference"
    for kind, part in (("model", "models"), ("data", "data")):
        for path in sorted((folder / part).glob("*.md")):
            card = cards.read(str(path), kind)  # type: ignore[arg-type]
            assert len(card.present) == 12, path
            assert not card.absent, path


# What cannot be read


def test_a_card_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "there is no card" in refused(tmp_path / "none.md")
    assert "must be a Markdown" in refused(tmp_path / "card.exe")
    (tmp_path / "folder.md").mkdir()
    assert "there is no card" in refused(tmp_path / "folder.md")
    os.mkfifo(tmp_path / "pipe.md")
    assert "there is no card" in refused(tmp_path / "pipe.md")
    (tmp_path / "latin.md").write_bytes("# Données".encode("latin-1"))
    assert "UTF-8" in refused(tmp_path / "latin.md")
    (tmp_path / "large.md").write_text("x" * (256 * 1024 + 1))
    assert "over 256 KiB" in refused(tmp_path / "large.md")
    assert "data.card" in refused(tmp_path / "none.md", "data")
    assert refused(Path("a\x00b.md"))


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "a: [",
        "a: b: c",
        "? [1]\n: 2\n",
        "\t a",
        "[" * 5000,
        "%YAML 9.9\n---\na: 1",
        "a: \x01",
        "--- a\n--- b\n",
    ],
)
def test_yaml_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.yaml").write_text(text)
    assert "cannot be read" in refused(tmp_path / "card.yaml")


def test_yaml_makes_nothing_but_text(tmp_path: Path) -> None:
    card = read(tmp_path, "limits: !!python/object/apply:os.getcwd []\n", name="card.yaml")
    assert "limitations" in card.absent


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        *("<!--", "{{", "<", "#", "`", "|", "-|", "**", "__", "1 ", "1.", "a:", "\n---", "](", " "),
        *(
            "\n#",
            "\n```",
            "\n| a |\n|-|",
            "ﷺ",
            "\n- ",
            "\n==",
            "x",
            "\u0301",
            "i) ",
            "<a@",
            "\n**a**",
        ),
    ],
)
def test_hostile_text_is_read_in_time(tmp_path: Path, piece: str) -> None:
    text = (piece * (256 * 1024))[: 80 * 1024]
    begun = time.process_time()
    read(tmp_path, f"## Limits\n{text}")
    assert time.process_time() - begun < 5


@given(st.text(max_size=300), st.sampled_from(["card.md", "card.yaml"]))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, name: str
) -> None:
    path = tmp_path_factory.mktemp("card") / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        card = cards.read(str(path), "data")
    except UsageError:
        assert any(words in refused(path, "data") for words in ("cannot be read", "UTF-8"))
        return
    assert sorted((*card.present, *card.absent)) == sorted(DATA)


@given(st.lists(st.sampled_from(["# Limits", "TODO", "It errs.", "---", "", "a: b", "```", "|-|"])))
@settings(max_examples=150, deadline=None)
def test_more_text_never_empties_a_field(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("card")
    before = read(folder, "# Net\n## Licence\nMIT\n")
    after = read(folder, "\n".join(["# Net\n## Licence\nMIT\n", *lines]))
    assert set(before.present) <= set(after.present)


@given(st.text(max_size=60))
def test_words_are_plain(text: str) -> None:
    said = words(text)
    assert words(said) == said or not said.isascii()
    assert said == " ".join(said.split())
    assert isinstance(says_something(text), bool)


def test_hostile_names_are_text_like_any_other() -> None:
    for name in HOSTILE:
        says_something(name)
        words(name)


def test_no_phrase_has_a_form_no_heading_can_have() -> None:
    for fields in (MODEL, DATA):
        for phrases in fields.values():
            assert len(set(phrases)) == len(phrases)
            for phrase in phrases:
                assert words(phrase) == phrase.removeprefix("=")


# As a measure


def test_the_share_is_exact_and_the_note_names_what_is_absent() -> None:
    card = Card(sha256="c" * 64, present=("licence", "contact", "metrics"), absent=("details",))
    record = change(make_record(), model_card=card)
    found = value("transparency.model_card", record)
    assert (found.low, found.estimate, found.high, found.n) == (0.75, 0.75, 0.75, 4)
    assert found.note == "3 of 4; absent: details"
    full = change(make_record(), data_card=change(card, absent=()))
    assert value("transparency.data_statement", full).note == "3 of 3"


def test_without_a_card_it_says_how_to_give_one() -> None:
    for name, key in (("model_card", "model.card"), ("data_statement", "data.card")):
        found = missing(f"transparency.{name}", make_record())
        assert found.reason == "no_card"
        assert key in found.detail


# In a record


def asked(tmp_path: Path, **names: str) -> Spec:
    rows = np.arange(12)
    columns = dict.fromkeys("abc", rows * 0.1) | {"label": rows % 2}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    (tmp_path / "net.md").write_text("# Net\n\nA net.\n")
    (tmp_path / "data.yaml").write_text("license: MIT\n")
    paths = {key: str(tmp_path / name) for key, name in names.items()}
    return Spec(
        model=Model(path=str(linear(tmp_path / "m.onnx")), card=paths.get("model")),
        data=Data(path=str(tmp_path / "t.parquet"), label="label", card=paths.get("data")),
        plan=Plan(processes=1, process_seconds=0.1, warmup_seconds=0.02, idle_seconds=0, windows=2),
        target=Target(meters=("fake",)),
    )


def test_the_cards_are_in_the_record_and_their_folders_are_not(tmp_path: Path) -> None:
    record = bench.run(asked(tmp_path, model="net.md", data="data.yaml"))
    assert record.model_card is not None
    assert record.model_card.present == ("details",)
    assert value("transparency.data_statement", record).estimate == pytest.approx(1 / len(DATA))
    assert (record.spec.model.card, record.spec.data and record.spec.data.card) == (
        "net.md",
        "data.yaml",
    )


def test_a_card_that_cannot_be_read_is_known_before_anything_is_measured(tmp_path: Path) -> None:
    for names in ({"model": "absent.md"}, {"data": "absent.md"}):
        with pytest.raises(UsageError, match="there is no card"):
            jobs.prepare(asked(tmp_path, **names))


def test_a_worker_loads_no_package_that_only_the_parent_needs() -> None:
    script = (
        "import sys, frugalbench.worker\n"
        "heavy = 'yaml sklearn scipy pyarrow onnx onnxruntime pandas'\n"
        "print([name for name in heavy.split() if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
