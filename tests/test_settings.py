"""Every shipped setting composes, and every wrong one is one line that says what to do."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from frugalbench import factors
from frugalbench.config import load_spec
from frugalbench.errors import UsageError
from frugalbench.settings import (
    PARTS,
    config_folder,
    convert,
    load_policy,
    load_site,
    options,
    reference,
    skeleton,
    with_factors,
)
from frugalbench.spec import Model, Plan, Site, Spec

CHOICES = [(group, name) for group in PARTS for name in options(group)]
RULE = "{id: a, metric: latency.p90, at_most: 1, unit: s}"
POLICY = f"name: mine\nversion: '1'\nrules: [{RULE}]\n"
BIG = "x: " + "a" * 2 * 1024**2


def refused(*overrides: str) -> str:
    """The one line a command line is refused with."""
    with pytest.raises(UsageError) as caught:
        load_spec(*overrides)
    return one_line(caught.value)


def one_line(error: UsageError) -> str:
    line = str(error)
    assert line.isprintable()
    assert 10 < len(line) < 600
    return line


def policy_refused(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        load_policy(str(path))
    return one_line(caught.value)


def in_france(**fields: Any) -> Site:
    site = with_factors(Spec(model=Model(path="m"), site=Site(name="s", **fields))).site
    assert site is not None
    return site


# What composes


def test_a_shipped_model_brings_its_own_data() -> None:
    spec = load_spec("model=nhanes-mlp", "site=fr")
    assert spec.model.path == reference("models/nhanes-mlp.onnx")
    assert spec.data is not None
    assert spec.data.path == reference("data/nhanes.parquet")
    assert spec.data.label == "diabetes"
    assert (spec.target.name, spec.plan.name) == ("cpu", "quick")
    assert spec.site is not None
    assert spec.site.grid_carbon == factors.grid_carbon("FR")


def test_data_on_the_command_line_replace_the_models_own() -> None:
    assert load_spec("model=nhanes-mlp", "data=none").data is None
    spec = load_spec("model=nhanes-mlp", "data=german")
    assert spec.data is not None
    assert spec.data.name == "german"


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_shipped_option_composes(group: str, name: str) -> None:
    model = () if group == "model" else ("model=german-mlp",)
    spec = load_spec(*model, f"{group}={name}")
    if group == "policy":
        assert load_policy(name).name == name
    else:
        assert getattr(spec, group).name == name
    assert Path(spec.model.path).is_file()
    assert spec.data is None or Path(spec.data.path).is_file()


def test_there_are_models_data_targets_plans_sites_and_policies() -> None:
    assert {group for group, _ in CHOICES} == set(PARTS)
    assert not {name for _, name in CHOICES} & {"file", "none"}


# The skeleton


def test_every_key_of_the_configuration_is_in_the_skeleton() -> None:
    keys = set(yaml.safe_load((config_folder() / "config.yaml").read_text()))
    assert keys - {"defaults", "hydra"} <= set(skeleton())


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_key_of_an_option_is_in_the_skeleton(group: str, name: str) -> None:
    raw = yaml.safe_load((config_folder() / group / f"{name}.yaml").read_text())
    part = raw[group] if group == "model" else raw
    assert set(part) <= set(skeleton()[group])


def test_the_skeleton_has_every_field_of_the_types() -> None:
    parts = skeleton()
    for part, kind in PARTS.items():
        extra = {"path"} if part == "policy" else set()
        assert set(parts[part]) == set(kind.__struct_fields__) | extra
    assert set(Spec.__struct_fields__) <= set(parts)
    assert set(parts) == {*PARTS, "baselines", "results"}
    assert convert(parts["plan"], Plan, "plan") == Plan()


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        ("1000000", 1_000_000),
        ("64kB", 64_000),
        ("512MiB", 512 * 2**20),
        ("1.5GiB", 3 * 2**29),
        ("'2 GB'", 2 * 10**9),
        ("7B", 7),
    ],
)
def test_sizes_are_bytes_or_say_their_unit(written: str, bytes_: int) -> None:
    target = load_spec(f"target.memory={written}", f"target.memory_limit={written}").target
    assert (target.memory, target.memory_limit, target.flash) == (bytes_, bytes_, None)


# What is refused


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("plan.max_second=1", "did you mean 'plan.max_seconds'"),
        ("plna=quick", "did you mean 'plan'"),
        ("model=nhanes-mpl", "did you mean 'nhanes-mlp'"),
        ("data=nhane", "did you mean 'nhanes'"),
        ("target=board", "there is no target 'board'"),
        ("site=frr", "did you mean 'fr'"),
        ("policy=no-such", "frugal-and-trustworthy"),
        ("plan.windows=1", "plan.windows"),
        ("plan.windows=many", "plan.windows"),
        ("plan.max_seconds=0", "plan.max_seconds"),
        ("plan.max_seconds=nan", "plan.max_seconds"),
        ("plan.max_seconds=inf", "plan.max_seconds"),
        ("plan.seed=-1", "plan.seed"),
        ("plan.max_queries=1e400", "plan.max_queries"),
        ("target.threads=0", "target.threads"),
        ("target.memory_limit=-5", "target.memory_limit"),
        ("target.meters=5", "target.meters"),
        ("target.memory=lots", "such as 512MiB"),
        ("target.flash=1 TiBB", "such as 512MiB"),
        ("target.flash=0", "target.flash"),
        ("target.memory=-1MiB", "such as 512MiB"),
        ("model.threshold=1.0", "model.threshold"),
        ("model.output_kind=guess", "model.output_kind"),
        ("model.path=null", "model.path"),
        ("+model.dims.a=0", "model.dims"),
        ("plan=null", "by name, as in plan=quick"),
        ("plan=1", "by name"),
        ("plan=[null]", "by name"),
        ("results=", "results"),
        ("results=[a]", "results"),
        ("policy=null", "by name"),
        ("+plan.extra=1", "plan.extra"),
        ("++extra=1", "extra"),
        ("model.name=${nowhere}", "nowhere"),
        ("model.name=${oc.env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("data.label=x", "add data="),
        ("site.pue=0.9", "site.pue"),
        ("site.country=F", "site.country"),
        ("site.country=12", "site.country"),
        ("site.grid_carbon=5", "site.grid_carbon"),
        ("model.path={", "no viable alternative"),
    ],
)
def test_a_wrong_setting_is_one_line(override: str, said: str) -> None:
    base = ["model=german-mlp", "site=fr"]
    if override.startswith("data."):
        base.append("data=none")
    assert said in refused(*base, override)


def test_a_word_that_is_no_choice_names_the_choices(tmp_path: Path) -> None:
    line = refused("model=german-mlp", "plan.scenario=burst")
    assert "scenario: 'burst' is not one of single_stream, multi_stream, server, offline" in line
    line = refused("model=german-mlp", "model.output_kind=guess")
    assert "output_kind: 'guess' is not one of " in line
    told = policy_refused(tmp_path / "p.yaml", POLICY.replace("unit: s", "unit: s, when: never"))
    assert "when" in told


def test_a_word_that_is_no_setting_is_one_line() -> None:
    assert "see --help" in refused("german-mlp")


def test_without_a_model_the_line_says_to_add_one() -> None:
    assert "model" in refused("data=nhanes")


def test_a_name_that_is_not_utf8_is_refused_before_it_is_measured() -> None:
    assert "rename" in refused("model=./a\udcff.onnx")


# Sites


def test_a_sites_factors_are_those_of_its_country_unless_it_states_its_own() -> None:
    site = in_france(country="fr")
    assert site.country == "FR"
    assert site.grid_carbon == factors.grid_carbon("FR")
    assert site.grid_water == factors.grid_water("FR")
    assert site.grid_carbon is not None
    own = msgspec.structs.replace(site.grid_carbon, value=1.0, low=None, high=None)
    assert in_france(country="fr", grid_carbon=own).grid_carbon == own
    assert load_site("fr").grid_carbon == factors.grid_carbon("FR")


def test_a_country_without_a_carbon_factor_is_refused_unless_the_site_states_one() -> None:
    line = refused("model=german-mlp", "site=fr", "site.country=zz")
    assert "there is no grid carbon factor for site.country=ZZ" in line
    assert "state site.grid_carbon" in line
    assert "leave the site out" in line
    own = factors.grid_carbon("FR")
    site = in_france(country="zz", grid_carbon=own)
    assert site.grid_carbon == own
    assert site.grid_water is None


def test_a_site_without_a_country_is_none() -> None:
    assert load_spec("model=german-mlp").site is None
    assert load_spec("model=german-mlp", "site=fr", "site.country=null").site is None


# Policies of one's own


def test_a_policy_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(POLICY)
    assert load_policy(str(file)).rules[0].at_most == 1


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: *a\n" + POLICY,
        POLICY + "name: again\n",
        POLICY.replace("id: a", "id: a, id: b"),
        POLICY.replace("mine", "!!python/object/apply:os.system ['touch EXPLODED']"),
        POLICY + "_target_: os.system\n",
        "- " + RULE,
        "",
        "just words",
        BIG,
        POLICY.replace("at_most: 1", "at_most: .nan"),
        POLICY.replace("at_most: 1", "at_most: .inf"),
        POLICY.replace("at_most: 1", "at_most: yes"),
        POLICY.replace("at_most: 1", "at_most: 1, at_least: 1"),
        POLICY.replace("mine", "a\x1b[31m"),
        POLICY.replace("mine", '"\\ud800"'),
        POLICY.replace("latency.p90", '"\\e[31m"'),
        POLICY.replace("latency.p90", "latency.p9"),
        POLICY.replace("name: mine", "? [a]\n: b"),
        POLICY.replace("name: mine", "? {a: b}\n: c"),
        POLICY.replace("mine", "2024-13-45"),
        POLICY.replace("mine", "!!binary x"),
        POLICY + "<<: [1]\n",
        POLICY + "min_group: 0\n",
        f"name: a\nversion: '1'\nrules: [{RULE}, {RULE}]\n",
        "name: a\nversion: '1'\nrules: []\n",
        "[" * 5000,
        "{a: " * 3000,
        b"\xff\xfe\x00",
        b"\x80",
        "a: 'unfinished",
        "--- a\n--- b\n",
    ],
    ids=range(31),
)
def test_a_policy_that_is_not_one_is_refused_in_one_line(tmp_path: Path, text: str | bytes) -> None:
    policy_refused(tmp_path / "policy.yaml", text)
    assert not Path("EXPLODED").exists()


def test_a_policy_that_is_no_file_is_refused_in_one_line(tmp_path: Path) -> None:
    for path in (str(tmp_path), str(tmp_path / "none.yaml"), "/dev/zero", "a\0b", "", "x" * 300):
        with pytest.raises(UsageError) as caught:
            load_policy(path)
        one_line(caught.value)


def test_a_changed_policy_does_not_bear_the_shipped_name(tmp_path: Path) -> None:
    shipped = load_policy("frugal-and-trustworthy")
    assert shipped.name == "frugal-and-trustworthy"
    text = (config_folder() / "policy" / "frugal-and-trustworthy.yaml").read_text()
    (tmp_path / "same.yaml").write_text(text)
    assert load_policy(str(tmp_path / "same.yaml")) == shipped
    (tmp_path / "mine.yaml").write_text(text.replace("min_group: 30", "min_group: 3"))
    mine = load_policy(str(tmp_path / "mine.yaml"))
    assert mine.name == "frugal-and-trustworthy (changed)"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (
            "name: m\nversion: 1\nrules: [{id: a, metric: latency.p90, unit: s, at_most: 1}]",
            'version: "1"',
        ),
        ("name: m\nversion: '1'\nrules: [{id: a, metric: latency.p90, at_most: 1}]", 'unit: "s"'),
        (
            "name: m\nversion: '1'\n"
            "rules: [{id: a, metric: quality.accuracy, unit: '', at_least: 1}]",
            'unit: "1"',
        ),
    ],
)
def test_what_a_policy_file_lacks_is_said_as_it_is_written(
    tmp_path: Path, written: str, says: str
) -> None:
    (tmp_path / "m.yaml").write_text(written)
    with pytest.raises(UsageError) as refused:
        load_policy(str(tmp_path / "m.yaml"))
    assert says in str(refused.value)
    assert "version" in says or "rule 'a'" in str(refused.value)
