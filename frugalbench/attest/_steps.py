"""The end of a verification that does not hold: one line that names the step."""

from typing import Literal

from frugalbench.errors import FrugalbenchError

__all__ = ["Step", "VerificationError"]

Step = Literal[
    "bundle",
    "signature",
    "payload type",
    "statement type",
    "subject digest",
    "policy",
    "expiry",
    "revocation",
    "re-judgement",
    "evidence",
    "reproduction",
]
"""What `verify` does, in this order."""


class VerificationError(FrugalbenchError):
    """A certificate that does not hold: to whoever asks for a pass it is as good as a FAIL."""

    exit_code = 1

    def __init__(self, step: Step, why: str) -> None:
        """Keep the step at which it was refused, and why."""
        super().__init__(f"not verified, at the step '{step}': {why}")
        self.step: Step = step
        self.why = why
