"""What a verified certificate says, in a few lines for a person."""

from typing import Any

from frugalbench.attest._predicate import Claim, PreRegistration
from frugalbench.attest._verify import Verified
from frugalbench.certify import Outcome
from frugalbench.report._format import Lang, clean
from frugalbench.report._phrases import WORDS as SHARED
from frugalbench.report._phrases import note
from frugalbench.spec import OutputKind

__all__ = ["KINDS", "fixed", "summary"]

MOST = 12
WORDS: dict[Lang, dict[str, str]] = {
    "en": {
        "head": "verified: {outcome} by the policy {policy} {version}",
        "model": "model       {name}, SHA-256 {digest}",
        "target": "target      {device}, {runtime}, {provider}, {precision}",
        "reading": "answers     {output} as {kind}, threshold {threshold}",
        "data": "data        {name}, rows {n}",
        "few": "too few to say",
        "signed": "signed by   {keys}",
        "valid": "valid       {begun} to {ends}, by the signer's clock",
        "no_list": "revocation  not looked at: give the signer's list with --revocations",
        "list": "revocation  not on the list with serial number {serial}",
        "committed": "fixed       {sentence}",
        "coded": "groups      named by codes",
        "replaces": "replaces    the certificate {digest}",
        "evidence": "evidence    the record is the one it was made from",
        "alone": "alone       one or both of the statements that follow from it are not there",
        "invalid": "invalid     {detail}",
        "class": "frugality   {label}, scale {scale} {version}{modelled}",
        "modelled": " (its energy is modelled, not measured)",
        "declared": "declared    answers to a questionnaire are in it; none was measured",
        "rules": "rules       {n} claims, of which these required ones do not pass:",
        "all": "rules       {n} claims; every required one passes",
        "more": "            and {n} more",
        "limits": "This is evidence about one version of a model, on one target, one data set and "
        "under one policy. It is no certification of a product.",
    },
    "fr": {
        "head": "vérifié : {outcome} selon la politique {policy} {version}",
        "model": "modèle      {name}, SHA-256 {digest}",
        "target": "cible       {device}, {runtime}, {provider}, {precision}",
        "reading": "réponses    {output} lu comme {kind}, seuil {threshold}",
        "data": "données     {name}, lignes {n}",
        "few": "trop peu pour le dire",
        "signed": "signé par   {keys}",
        "valid": "valable     du {begun} au {ends}, à l'horloge du signataire",
        "no_list": "révocation  non consultée : donnez la liste du signataire avec --revocations",
        "list": "révocation  absent de la liste de numéro de série {serial}",
        "committed": "fixé        {sentence}",
        "coded": "groupes     désignés par des codes",
        "replaces": "remplace    le certificat {digest}",
        "evidence": "preuves     l'enregistrement est celui dont il a été tiré",
        "alone": "seul        il manque un énoncé, ou les deux, qui en découlent",
        "invalid": "non valide  {detail}",
        "class": "frugalité   {label}, échelle {scale} {version}{modelled}",
        "modelled": " (énergie modélisée, non mesurée)",
        "declared": "déclaré     des réponses à un questionnaire y figurent ; aucune n'est mesurée",
        "rules": "règles      {n} constats ; ceux-ci, exigés, ne passent pas :",
        "all": "règles      {n} constats ; tous ceux qui sont exigés passent",
        "more": "            et {n} de plus",
        "limits": "Ceci est un ensemble de preuves sur une version d'un modèle, sur une cible, un "
        "jeu de données et selon une politique. Ce n'est pas une certification de produit.",
    },
}
FIXED: dict[Lang, dict[bool, str]] = {
    "en": {
        True: "policy and data before the run ({at}), by the signer's clock",
        False: "nothing shows that the policy was fixed before the run{why}",
    },
    "fr": {
        True: "politique et données avant la mesure ({at}), à l'horloge du signataire",
        False: "rien ne montre que la politique a été fixée avant la mesure{why}",
    },
}
FRENCH = {
    "it does not count: it was made after the run": "fixé après la mesure, cela ne compte pas",
    "it does not count: it is about another policy": "fixé pour une autre politique, cela ne "
    "compte pas",
    "it does not count: it is about other data": "fixé pour d'autres données, cela ne compte pas",
}
"""Why a commitment does not count, as `link` says it."""
KINDS: dict[Lang, dict[OutputKind, str]] = {
    "en": {"label": "label", "probability": "probability", "logit": "logit", "value": "value"},
    "fr": {"label": "étiquette", "probability": "probabilité", "logit": "logit", "value": "valeur"},
}
AS_IS: dict[Lang, str] = {"en": "precision as it is", "fr": "précision d'origine"}


def summary(verified: Verified, lang: Lang = "en", *, evidence: bool = False) -> str:
    """The verdict, what it is about, who says so, and what does not pass.

    Args:
        verified: the certificate.
        lang: `en` or `fr`.
        evidence: the record was at hand and is the one it was made from.
    """
    said, words = verified.evaluation, WORDS[lang]
    target, data = said.target, said.data
    lines = [
        words["head"].format(
            outcome=SHARED[lang].outcomes[verified.verdict],
            policy=clean(said.policy.name),
            version=clean(said.policy.version),
        ),
        words["model"].format(name=clean(said.model.name), digest=said.model.digest["sha256"][:16]),
        words["target"].format(
            device=clean(target.device),
            runtime=clean(target.runtime),
            provider=clean(target.provider),
            precision=AS_IS[lang] if target.precision == "as_is" else clean(target.precision),
        ),
    ]
    reading = said.reading
    if reading.output_kind is not None:
        lines.append(
            words["reading"].format(
                output=clean(reading.output or "?"),
                kind=KINDS[lang][reading.output_kind],
                threshold=clean(reading.threshold),
            )
        )
    if data is not None:
        n = words["few"] if data.n is None else str(data.n)
        lines.append(words["data"].format(name=clean(data.name), n=n))
    lines += [
        words["signed"].format(keys=", ".join(key[:16] for key in verified.signers)),
        words["valid"].format(begun=clean(said.evaluated_at), ends=clean(said.expires_at)),
        words["no_list"]
        if verified.serial is None
        else words["list"].format(serial=verified.serial),
        words["committed"].format(sentence=fixed(said.pre_registration, lang)),
        *([words["coded"]] if said.groups_coded else []),
        *(
            words["replaces"].format(digest=one["digest"]["sha256"][:16])
            for one in said.supersedes[:MOST]
        ),
        *([words["evidence"]] if evidence else []),
        *([words["alone"]] if verified.alone else []),
        *_class(said.frugality or {}, words),
        *([words["declared"]] if said.declarations is not None else []),
        *(
            words["invalid"].format(detail=note(clean(one.detail, 300), lang)[0])
            for one in said.flaws
        ),
        *_open(said.claims, lang),
        words["limits"],
    ]
    return "\n".join(lines)


def fixed(before: PreRegistration, lang: Lang) -> str:
    """What a certificate says of what was fixed before the run, in a sentence."""
    return FIXED[lang][before.counts].format(
        at=clean(before.committed_at or ""), why=_why_not(before, lang)
    )


def _why_not(before: PreRegistration, lang: Lang) -> str:
    """Why a commitment does not count; nothing where there was none."""
    if before.counts or before.committed_at is None:
        return ""
    why = clean(before.sentence, 300)
    return f"{' ' * (lang == 'fr')}: {FRENCH.get(why, why) if lang == 'fr' else why}"


def _class(found: dict[str, Any], words: dict[str, str]) -> list[str]:
    """The frugality class, where there is one: it is the signer's, and is not decided again."""
    if not isinstance(found.get("class"), str):
        return []
    return [
        words["class"].format(
            label=clean(found["class"]),
            scale=clean(str(found.get("scale", ""))),
            version=clean(str(found.get("scaleVersion", ""))),
            modelled=words["modelled"] if found.get("modelled") else "",
        )
    ]


def _open(claims: tuple[Claim, ...], lang: Lang) -> list[str]:
    """The required claims that do not pass, the worst of them first."""
    words = WORDS[lang]
    held = [one for one in claims if one.required and one.verdict != "PASS"]
    if not held:
        any_required = any(one.required for one in claims)
        return [words["all"].format(n=len(claims))] if any_required else []
    order: tuple[Outcome, ...] = ("FAIL", "NOT_EVALUATED", "INCONCLUSIVE")
    held.sort(key=lambda one: order.index(one.verdict))
    told = [
        f"            {SHARED[lang].outcomes[one.verdict]}  {clean(one.address)} "
        f"{one.comparator} {one.threshold} {clean(one.unit).removeprefix('1')}".rstrip()
        for one in held[:MOST]
    ]
    more = [words["more"].format(n=len(held) - MOST)] if len(held) > MOST else []
    return [words["rules"].format(n=len(claims)), *told, *more]
