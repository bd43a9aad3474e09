"""What a person types reaches the question exactly, or is refused in one line."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from frugalbench.config import load_spec
from frugalbench.errors import UsageError
from frugalbench.overrides import SUFFIXES, translate
from frugalbench.settings import options

ODD = " '\",=\\$~{}[]()%&;:|<>*?!#@`^+-.é日本🙂"
PATHS = st.text(
    st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["C", "Z"])), max_size=30
).filter(lambda text: "," not in text)
HARD = (
    "a b",
    "it's",
    'say "x"',
    "key=value",
    "back\\slash",
    "\\\\server\\",
    '\\"',
    "\\'",
    "${reference:x}",
    "$HOME",
    "\\${a}",
    "{a}",
    "[1]",
    "(x)",
    "~me",
    " lead",
    "null",
    "été",
    "???",
    "#c",
    "a:b",
    "%20",
    "@x",
    "!x",
    "*",
)


def refused(*arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        translate(arguments)
    line = str(caught.value)
    assert line.isprintable()
    return line


def model_path(argument: str) -> str:
    return load_spec(f"model={argument}", "data=none").model.path


def data_path(argument: str) -> str:
    data = load_spec("model=german-mlp", f"data={argument}").data
    assert data is not None
    return data.path


# Paths


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("folder", ["", "/tmp/some where/"])
def test_a_hard_path_survives_exactly(folder: str, name: str) -> None:
    path = f"{folder}{name}.onnx"
    assert translate([f"model={path}"])[0] == "config"
    assert model_path(path) == path


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(name=PATHS)
@example(name="\\")
@example(name='\\\\"')
@example(name="${x}")
def test_any_printable_path_of_a_model_survives_exactly(name: str) -> None:
    path = f"{name}.onnx"
    assert model_path(path) == path or path.startswith("~/")


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(name=PATHS, suffix=st.sampled_from(SUFFIXES["data"]))
def test_any_printable_path_of_data_survives_exactly(name: str, suffix: str) -> None:
    path = f"no-such-folder/{name}{suffix}"
    assert data_path(path) == path


@pytest.mark.parametrize("tail", ["\\", "\\\\", '\\"', "'", "=", "$"])
def test_what_ends_a_path_survives_too(tail: str) -> None:
    assert model_path(f"./folder/{tail}") == f"./folder/{tail}"


def test_a_file_that_is_there_may_hold_a_comma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a,b=c.onnx"
    file.touch()
    assert model_path(str(file)) == str(file)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "m.onnx").touch()
    (tmp_path / "plain").touch()
    assert model_path("~/m.onnx") == "~/m.onnx"
    assert model_path("plain") == "plain"


def test_the_home_directory_is_put_in_for_a_leading_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "it's me"))
    assert model_path("~/m.onnx") == f"{tmp_path}/it's me/m.onnx"
    assert data_path("~/d.csv") == f"{tmp_path}/it's me/d.csv"
    assert model_path("~nobody/m.onnx") == "~nobody/m.onnx"
    assert model_path("./~/m.onnx") == "./~/m.onnx"


def test_a_shipped_name_is_a_name_even_where_a_file_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "german-mlp").touch()
    assert translate(["model=german-mlp"])[1] == ["model=german-mlp"]


def test_capital_endings_are_files_too() -> None:
    assert model_path("M.ONNX") == "M.ONNX"
    assert data_path("D.Parquet") == "D.Parquet"


@pytest.mark.parametrize("path", ["x" * 300 + ".onnx", "x/" * 3000 + "m.onnx", "a\0b.onnx"])
def test_a_path_no_file_system_holds_is_left_to_the_model_reader(path: str) -> None:
    assert model_path(path) == path


# Sweeps


def test_several_files_are_one_sweep_over_paths() -> None:
    _, words = translate(["-m", "model=./a b.onnx,c.onnx"])
    assert words == ["model=file", 'model.path="./a b.onnx","c.onnx"', "-m"]


def test_several_names_are_passed_on() -> None:
    names = ",".join(options("model"))
    assert translate(["-m", f"model={names}"])[1] == [f"model={names}", "-m"]


@pytest.mark.parametrize("value", ["german-mlp,./a.onnx", "./a.onnx,german-mlp", "a.onnx,wrong"])
def test_names_and_files_are_not_mixed(value: str) -> None:
    assert "one kind at a time" in refused(f"model={value}")


# The demonstration


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], "demo"),
        (["plan=standard"], "demo"),
        (["model.threshold=0.5"], "demo"),
        (["site=de", "policy=./mine.yaml"], "demo"),
        (["--cfg", "job"], "demo"),
        (["model=german-mlp"], "config"),
        (["model=./a.onnx"], "config"),
        (["model=./a.onnx", "data=./a.csv", "plan=quick"], "config"),
    ],
)
def test_the_demonstration_is_meant_only_without_a_model_and_data(
    arguments: list[str], chosen: str
) -> None:
    assert translate(arguments)[0] == chosen


@pytest.mark.parametrize("data", ["nhanes", "./a.csv"])
def test_data_without_a_model_are_not_the_demonstration(data: str) -> None:
    with pytest.raises(UsageError, match="add model="):
        load_spec(f"data={data}")


def test_the_demonstration_is_the_shipped_model_on_its_own_data_in_france() -> None:
    spec = load_spec()
    assert spec.model.name == "nhanes-mlp"
    assert spec.data is not None
    assert spec.data.name == "nhanes"
    assert spec.site is not None
    assert spec.site.country == "FR"


# Words


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("modle=x", "did you mean 'model'?"),
        ("plan.windos=3", "did you mean 'plan.windows'?"),
        ("target.thread=3", "did you mean 'target.threads'?"),
        ("threshold=0.5", "did you mean 'model.threshold'?"),
        ("+plan.seeed=1", "did you mean 'plan.seed'?"),
        ("~palicy", "did you mean 'policy'?"),
        ("zzzzzzzz=1", "in all)"),
        ("=", "there is"),
        ("a\nb\x1b[31m=1", "there is"),
        ("x" * 100_000 + "=1", "there is"),
        ("word", "see --help"),
        ("", "see --help"),
    ],
)
def test_a_wrong_word_is_one_line_with_a_suggestion(word: str, said: str) -> None:
    assert said in refused("model=german-mlp", word)


def test_hydras_own_words_are_passed_on() -> None:
    flags = ["-m", "--cfg", "job", "-cd", "folder"]
    words = ["hydra.job.name=x", "+model.dims.n=4", "~site", "model=german-mlp"]
    # Hydra's parser wants its overrides in one piece.
    assert translate([*flags, *words])[1] == [*words, *flags]
    assert translate([*words, *flags])[1] == [*words, *flags]
