"""Moments as RFC 3339 in UTC, to the second."""

from datetime import UTC, datetime, timedelta

__all__ = ["LEEWAY", "moment", "text"]

LEEWAY = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""


def moment(said: str) -> datetime:
    """A time from its text; one without a zone is in UTC.

    Raises:
        ValueError: it is no date or time, or none that a calendar has.
    """
    found = datetime.fromisoformat(said)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is before the year 1 or after the year 9999") from None


def text(at: datetime) -> str:
    """A time as text, such as `2026-03-01T10:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
