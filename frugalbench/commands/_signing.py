"""Signing as part of certifying: what goes beside the verdict, and what to type next."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

__all__ = ["Signing", "prepared", "warn"]


@dataclass(frozen=True, kw_only=True)
class Signing:
    """Who signs, and what goes beside the verdict.

    `secret` is the private key in the file `key`, None where a pair is made when there is something
    to sign: a request that is refused leaves no keys behind. `request` is what a certificate is
    made by, of which the policy and the model are those that were measured; `policy` is the policy
    as it was named.
    """

    secret: Any
    key: Path
    request: Any
    policy: str

    def __call__(
        self, record: Any, folder: Path, verdict: Any, reference: Any, question: Any
    ) -> tuple[Path, str, str]:
        """Sign what was judged: the certificate, until when it holds, and what verifies it.

        Raises:
            FrugalbenchError: as `_desk.issued`.
        """
        from frugalbench.attest import _desk
        from frugalbench.commands import _secret

        model = Path(question.spec.model.path)
        request = replace(self.request, policy=question.policy, model=model)
        bundle, said = _desk.issued(
            record,
            folder,
            _secret.opened(self.key) if self.secret is None else self.secret,
            request,
            None,
            _desk.now(),
            reference=reference,
            verdict=verdict,
        )
        warn(request.commitment, said.pre_registration)
        step = _desk.next_step(bundle, folder, said, request, self.key, self.policy)
        return bundle, said.expires_at, step


def prepared(key: Path, policy: str, declarations: Path | None, commitment: Path | None) -> Signing:
    """What signs, all of it read before anything is measured: an error would cost the run.

    Raises:
        FrugalbenchError: the key, the declarations or the commitment cannot be read.
    """
    from frugalbench import settings
    from frugalbench.attest import _desk
    from frugalbench.commands import _secret

    request = _desk.Request(
        policy=settings.load_policy(settings.DEFAULT_POLICY),  # until the one it is judged by
        declarations=declarations,
        commitment=commitment,
    )
    _desk.check(request)
    return Signing(secret=_secret.ready(key), key=key, request=request, policy=policy)


def warn(commitment: Path | None, linked: Any) -> None:
    """Say on stderr why a commitment that was given does not count."""
    if commitment is not None and not linked.counts:
        click.echo(f"warning     {commitment}: {linked.sentence}", err=True)
