"""The certificate: an in-toto Statement about a model file, signed, that anyone checks offline.

`evaluation` writes down what follows from a record under a policy, `issue` signs it, and `verify`
decides it again from the numbers it discloses. A certificate is evidence about one version of a
model, on one target, one data set and under one policy; it is never one of a product.
"""

from frugalbench.attest._coded import coded, load_codes, save_codes
from frugalbench.attest._commitment import commit, link, load_commitment
from frugalbench.attest._dsse import Envelope, bundle
from frugalbench.attest._files import check_evidence, digested, measured
from frugalbench.attest._issue import Beside, evaluation, issue
from frugalbench.attest._keys import generate, keyid, load_private, load_public
from frugalbench.attest._predicate import Evaluation
from frugalbench.attest._reproduced import Again, again
from frugalbench.attest._revocation import certificate_id, revoked
from frugalbench.attest._steps import Step, VerificationError
from frugalbench.attest._summary import summary
from frugalbench.attest._times import moment
from frugalbench.attest._verify import Trust, Verified, own_statement, read_certificate, verify

__all__ = [
    "Again",
    "Beside",
    "Envelope",
    "Evaluation",
    "Step",
    "Trust",
    "VerificationError",
    "Verified",
    "again",
    "bundle",
    "certificate_id",
    "check_evidence",
    "coded",
    "commit",
    "digested",
    "evaluation",
    "generate",
    "issue",
    "keyid",
    "link",
    "load_codes",
    "load_commitment",
    "load_private",
    "load_public",
    "measured",
    "moment",
    "own_statement",
    "read_certificate",
    "revoked",
    "save_codes",
    "summary",
    "verify",
]
