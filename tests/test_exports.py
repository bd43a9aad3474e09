"""The public names are what `__all__` says, sorted, and each has a docstring."""

import frugalbench


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    assert list(frugalbench.__all__) == sorted(frugalbench.__all__)
    for name in frugalbench.__all__:
        value = getattr(frugalbench, name)
        assert name == "__version__" or name == "Measure" or value.__doc__, name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(frugalbench, "certify_everything")
    assert set(frugalbench.__all__) <= {*dir(frugalbench), "__version__"}


def test_a_whole_question_is_written_with_public_names() -> None:
    import msgspec

    import frugalbench as fb

    question = fb.Spec(
        model=fb.Model(path="m.onnx"),
        target=fb.Target(threads=2),
        plan=fb.Plan(batch=4),
        data=fb.Data(path="d.csv", label="y", intersections=(("sex", "age"),)),
        site=fb.Site(country="FR"),
        probes=fb.Probes(perturb=(fb.Perturbation(kind="blur", severities=(1.0,)),)),
        baselines=(fb.Baseline(kind="model", model=fb.Model(path="s.onnx")),),
    )
    assert msgspec.json.decode(msgspec.json.encode(question), type=fb.Spec) == question
