"""A lab's own test suite certifies its models: the fixture and the marker `frugalbench`.

    def test_the_screener(frugalbench):
        verdict = frugalbench.certify("model=./mine.onnx", "data=./mine.csv", "data.label=y")
        frugalbench.assert_passes(verdict)

    @pytest.mark.frugalbench("data.label=y", model="./mine.onnx", data="./mine.csv")
    def test_what_else_is_true_of_it(): ...

Words are those of `frugalbench certify`, and the judge is the same. A marked test that does not
take the fixture is certified before its own body runs; one that takes it calls `certify` or
`judge` itself, and fails if it never does. Every pytest run loads this module where frugalbench is
installed, so nothing heavy is imported before a test asks for it.
"""

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from frugalbench.errors import FrugalbenchError, MeasurementError, UsageError

if TYPE_CHECKING:
    from frugalbench.certify import Policy, Verdict
    from frugalbench.record import Record

__all__ = ["Certifier", "frugalbench"]

MARK = "frugalbench"
OPTION = "--frugalbench-results"
BENCHMARKED = ("latency.p50", "latency.p90", "latency.p99", "energy.per_inference")
"""What goes beside the timings of pytest-benchmark, in the `extra_info` of its JSON."""

_ALONE = pytest.StashKey[bool]()
"""On a marked test that does not take the fixture."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The folder for records."""
    group = parser.getgroup(MARK, "frugalbench: certify models in tests")
    said = "keep the records that tests measure in this folder (default: a temporary one)"
    group.addoption(OPTION, metavar="DIR", default=None, help=said)


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is, also to a run with --strict-markers."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(*words, policy=…, inconclusive='fail'|'skip', **settings): certify a model; words "
        "and settings are those of `frugalbench certify`",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the fixture to marked tests that do not take it: a mark alone is never ignored."""
    for item in items:
        if not isinstance(item, pytest.Function) or item.get_closest_marker(MARK) is None:
            continue
        if MARK not in item.fixturenames:
            # A new list: the tests of one parametrized function share theirs.
            item.fixturenames = [*item.fixturenames, MARK]
            item.stash[_ALONE] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Certify a marked test before its body, or see that its body did.

    An error of ours that a test does not catch fails it with one line, and no traceback.
    """
    marked = item.get_closest_marker(MARK) is not None
    one = getattr(item, "funcargs", {}).get(MARK)
    if not isinstance(one, Certifier):
        if marked:
            pytest.fail(f"the marker {MARK} is for test functions and methods", pytrace=False)
        return (yield)
    told, result = "", None
    try:
        if item.stash.get(_ALONE, False):
            one.assert_passes(one.certify())
        result = yield
    except FrugalbenchError as error:
        told = f"{MARK}: {error}"
    # Outside the except clause: within it, pytest would show both errors.
    if told:
        pytest.fail(told, pytrace=False)
    if marked and not one.judged:
        pytest.fail(
            f"a test marked {MARK} that takes the fixture must call its certify or judge, and "
            "this one did not: nothing was certified",
            pytrace=False,
        )
    return result


class Certifier:
    """Measures and judges for one test; what the fixture `frugalbench` gives.

    `results` is the folder that records are saved in, each under its id; `judged` says whether
    there has been a verdict.
    """

    def __init__(
        self,
        results: Path,
        mark: pytest.Mark | None = None,
        extra_info: dict[str, Any] | None = None,
    ) -> None:
        """Certify as the marker says; `extra_info` is that of pytest-benchmark, if it is there."""
        self.results = results
        self.judged = False
        settings = dict(mark.kwargs) if mark else {}
        self._inconclusive = settings.pop("inconclusive", "fail")
        self._policy: str | Path | Policy | None = settings.pop("policy", None)
        words = map(str, mark.args) if mark else ()
        self._words = (*words, *(f"{key}={_word(value)}" for key, value in settings.items()))
        self._extra_info = extra_info

    def certify(self, *words: str, policy: "str | Path | Policy | None" = None) -> "Verdict":
        """Measure in fresh processes, keep the record, and judge it.

        Args:
            words: settings as `frugalbench certify` takes them, such as `model=./mine.onnx`;
                they come after those of the marker, and the last one counts.
            policy: a name, a file or a `Policy`; by default that of `words`, else the marker's.

        Raises:
            UsageError: the question makes no sense; nothing was measured.
            MeasurementError: it could not be measured; the attempt is kept.
            StoreError: the record could not be saved.
        """
        __tracebackhide__ = True
        try:
            return self._certify(words, policy)
        except FrugalbenchError as error:
            # Without our frames: a caller that shows it shows its own line and one of ours.
            raise error.with_traceback(None) from None

    def judge(
        self,
        record: "Record | Path | str",
        policy: "str | Path | Policy | None" = None,
        reference: "Record | Path | str | None" = None,
    ) -> "Verdict":
        """Judge a record, or the one stored in a folder, without measuring.

        Args:
            record: the record or its folder.
            policy: a name, a file or a `Policy`; by default the marker's, else the default one.
            reference: an earlier record, for rules on drift.

        Raises:
            UsageError: there is no such record or policy.
            MeasurementError: the record is that of a failed measurement.
            StoreError: the record is damaged.
        """
        __tracebackhide__ = True
        from frugalbench.certify import judge
        from frugalbench.settings import DEFAULT_POLICY

        chosen = next(one for one in (policy, self._policy, DEFAULT_POLICY) if one is not None)
        try:
            judged = _stored(record)
            earlier = None if reference is None else _stored(reference)
            verdict = judge(judged, _policy(chosen), earlier)
        except FrugalbenchError as error:
            raise error.with_traceback(None) from None
        self._tell(judged)
        return verdict

    def assert_passes(self, verdict: "Verdict") -> None:
        """Fail the test unless the verdict is PASS, with a line for each rule that stands against.

        With `inconclusive="skip"` on the marker, not enough evidence skips the test instead: it is
        then neither passed nor failed.

        Raises:
            UsageError: the marker's `inconclusive` is neither `fail` nor `skip`.
        """
        __tracebackhide__ = True
        self._check_mark()
        if verdict.overall == "PASS":
            return
        said = _against(verdict, self.results)
        if verdict.overall != "FAIL" and self._inconclusive == "skip":
            pytest.skip(said)
        pytest.fail(said, pytrace=False)

    def _certify(self, words: tuple[str, ...], policy: "str | Path | Policy | None") -> "Verdict":
        from frugalbench import store, worker
        from frugalbench.certify import judge
        from frugalbench.config import load_question

        self._check_mark()
        named = any(word.startswith("policy=") for word in words)
        chosen = policy if policy is not None else None if named else self._policy
        words = (*self._words, *words)
        if isinstance(chosen, str | Path):
            words = (*words, f"policy={chosen}")
        if any(word.startswith("results=") for word in words):
            raise UsageError(f"tests keep records where pytest {OPTION}=DIR says, not in results=…")
        question = load_question(*_last(words))
        own = None if chosen is None or isinstance(chosen, str | Path) else _policy(chosen)
        store.check_writable(self.results)
        record = worker.run(question.spec)
        folder = store.save(record, self.results)
        if record.failure is not None:
            raise MeasurementError(f"{record.failure.detail} (attempt kept in {folder})")
        verdict = judge(record, own or question.policy)
        self._tell(record)
        return verdict

    def _check_mark(self) -> None:
        __tracebackhide__ = True
        if self._inconclusive not in ("fail", "skip"):
            raise UsageError(
                f"inconclusive={self._inconclusive!r} on the marker: say 'fail' or 'skip'"
            )

    def _tell(self, record: "Record") -> None:
        """Note that there is a verdict, and put the run's figures beside pytest-benchmark's."""
        self.judged = True
        if self._extra_info is None:
            return
        import msgspec

        from frugalbench import metrics

        found = {name: metrics.find(name)(record) for name in BENCHMARKED}
        self._extra_info[MARK] = {"record": record.id, **msgspec.to_builtins(found)}


@pytest.fixture
def frugalbench(request: pytest.FixtureRequest) -> Certifier:
    """Certify a model in a test: `certify`, `judge` and `assert_passes`."""
    chosen = request.config.getoption(OPTION)
    if chosen is None:
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        results = factory.getbasetemp() / MARK
    else:
        results = request.config.invocation_params.dir / chosen
    extra_info = None
    if "benchmark" in request.fixturenames:
        # Another plug-in's fixture of this name may have no such dictionary.
        extra_info = getattr(request.getfixturevalue("benchmark"), "extra_info", None)
    return Certifier(results, request.node.get_closest_marker(MARK), extra_info)


def _word(value: Any) -> str:
    """A value of Python as Hydra writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_word, value))}]"
    return str(value)


def _last(words: Iterable[str]) -> Iterable[str]:
    """Of several words about one setting the last: Hydra refuses two options of a group."""
    return {word.partition("=")[0]: word for word in words}.values()


def _policy(policy: "str | Path | Policy") -> "Policy":
    from frugalbench import settings

    if isinstance(policy, str | Path):
        return settings.load_policy(str(policy))
    return settings.named_truly(policy)


def _stored(record: "Record | Path | str") -> "Record":
    from frugalbench import store

    found = store.load(record) if isinstance(record, str | Path) else record
    if found.failure is not None:
        raise MeasurementError(f"this measurement was not made: {found.failure.detail}")
    return found


def _against(verdict: "Verdict", results: Path) -> str:
    """The verdict, and a line for each required rule that does not pass, the worst first."""
    from frugalbench.certify import SEVERITY
    from frugalbench.report._format import clean
    from frugalbench.report._view import headline, rule_rows

    word, sentence = headline(verdict, "en")
    if verdict.overall != "FAIL":
        word = f"{word} (not enough evidence)"
    by = f"{clean(verdict.policy)} {clean(verdict.policy_version)}"
    said = [f"frugalbench: {word} by policy {by}: {sentence}"]
    rows = [row for row in rule_rows(verdict, "en") if row.finding.rule.required]
    for row in sorted(rows, key=lambda row: -SEVERITY.index(row.outcome)):
        if row.outcome == "PASS":
            continue
        found = row.shown
        number = f"{found.number} {found.interval} (n {row.n}, {row.method}), " if found else ""
        said.append(f"  {row.word} {row.address}: {number}bound {row.bound}: {row.explanation[0]}")
    if (results / verdict.record).is_dir():
        said.append(f"  record: {results / verdict.record}")
    return "\n".join(said)
