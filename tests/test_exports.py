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
