"""Both languages side by side, and the sentences of a verdict in either.

The judge explains itself in English. The French reading is made here from the same sentence, and
where there is none the English one is given and marked as English.
"""

import re

from frugalbench.certify import Finding, Outcome
from frugalbench.metrics import MISSING_GROUP
from frugalbench.report._english import EN
from frugalbench.report._format import NARROW_SPACE, Lang, Shown, clean
from frugalbench.report._french import FR
from frugalbench.report._words import Words
from frugalbench.values import Measure, Method, Missing, Value

__all__ = ["SYMBOLS", "WORDS", "Sentence", "at_most", "explanation", "how", "note", "reason"]

WORDS: dict[Lang, Words] = {"en": EN, "fr": FR}

SYMBOLS: dict[Outcome, str] = {
    "PASS": "✓",
    "FAIL": "✗",
    "INCONCLUSIVE": "?",
    "NOT_EVALUATED": "–",
}
"""The mark beside each verdict's word, so that colour never stands alone."""

Sentence = tuple[str, Lang]
"""A text and the language it is in, which is not always the one asked for."""

MAX_SENTENCE = 400
NUMBER = r"([\d,]+)"
FRENCH: tuple[tuple[str, str], ...] = (
    (r"the whole interval is inside the bound", "tout l’intervalle est dans la limite"),
    (r"the whole interval is outside the bound", "tout l’intervalle est hors de la limite"),
    (
        rf"about {NUMBER} observations instead of {NUMBER} would settle it",
        "environ {} observations au lieu de {} permettraient de conclure",
    ),
    (
        rf"about {NUMBER} rows in the smallest group instead of {NUMBER} would settle it",
        "environ {} lignes dans le plus petit groupe au lieu de {} permettraient de conclure",
    ),
    (
        r"the estimate is too close to the bound for any number of observations to settle it",
        "l’estimation est trop près de la limite pour qu’un nombre d’observations suffise",
    ),
    (
        rf"the smallest group has {NUMBER} rows to count and the policy asks for {NUMBER}",
        "le plus petit groupe a {} lignes à compter et la politique en demande {}",
    ),
    (
        r"it was seen once, so its interval is unknown: measure it again",
        "cela n’a été vu qu’une fois, donc son intervalle est inconnu : il faut mesurer encore",
    ),
    (
        r"the number comes from a pretend meter, which can never certify",
        "le nombre vient d’un compteur factice, qui ne peut jamais certifier",
    ),
    (
        r"the run is INVALID: (.+)",
        "la mesure n’est pas valide : {}",
    ),
    (
        r"the number is (\w+); this policy accepts ([\w, ]+)",
        "le nombre est de source « {} » ; cette politique accepte : {}",
    ),
)


RATES = (
    ("selection rate", "taux de sélection"),
    ("TPR", "taux de vrais positifs"),
    ("FPR", "taux de faux positifs"),
)
NOTES: tuple[tuple[str, str], ...] = (
    (
        r"widest (selection rate|TPR|FPR): (.+) ([\d.]+) \(n=(\d+)\) against (.+) ([\d.]+) "
        r"\(n=(\d+)\)",
        "plus grand écart de {} : {} {} (n = {}) contre {} {} (n = {})",
    ),
    (r"worst: (.+) \(n=(\d+)\)", "le plus bas : {} (n = {})"),
    (r"(.+) does the job: ([\d.,]+) against ([\d.,]+)", "{} suffit : {} contre {}"),
    (
        rf"([\d.]+) against ([\d.]+) of (.+); McNemar p ([=<]) ([\d.]+) \({NUMBER} rows only the "
        rf"model gets right, {NUMBER} only (.+)\)",
        "{} contre {} pour {} ; McNemar p {} {} ({} lignes que seul le modèle réussit, {} que seul "
        "{} réussit)",
    ),
    (r"([\d.,]+) against ([\d.,]+) of (.+)", "{} contre {} pour {}"),
    (r"([\d.,]+) times the energy of (.+)", "{} fois l’énergie de {}"),
    (rf"one more right answer in {NUMBER}", "une réponse juste de plus sur {}"),
    (rf"correlated: worth {NUMBER} calls", "appels corrélés, qui en valent {}"),
    (
        r"the (\d+) processes differ by (\d+)%, over (\d+)%",
        "les {} processus diffèrent de {} %, plus que {} %",
    ),
    (
        rf"correlated: worth {NUMBER} calls; the (\d+) processes differ by (\d+)%, over (\d+)%",
        "appels corrélés, qui en valent {} ; les {} processus diffèrent de {} %, plus que {} %",
    ),
    (
        r"a repeated sample is answered in (\d+)% of the time of different ones, as if answers "
        r"were remembered: switch caches off",
        "un échantillon répété reçoit sa réponse en {} % du temps d’échantillons variés, comme si "
        "les réponses étaient gardées en mémoire : il faut désactiver les caches",
    ),
    (
        r"samples drawn with another seed take (\d+)% of the time: the run holds for the samples "
        r"it drew only; give more data",
        "des échantillons tirés avec une autre graine prennent {} % du temps : la mesure ne vaut "
        "que pour les siens ; il faut plus de données",
    ),
    (
        rf"{NUMBER} of {NUMBER} answers read while timing are not those of the accuracy pass: the "
        r"model is not the same from call to call",
        "{} réponses sur {} lues pendant le chronométrage ne sont pas celles de la passe "
        "d’exactitude : le modèle change d’un appel à l’autre",
    ),
    (
        rf"{NUMBER} queries were never answered: ([\d.]+) a second are too many; lower "
        r"plan.target_qps",
        "{} requêtes n’ont jamais reçu de réponse : {} par seconde, c’est trop ; il faut baisser "
        "plan.target_qps",
    ),
    (
        rf"a process made {NUMBER} queries; the plan asks for {NUMBER}: raise plan.max_seconds",
        "un processus a fait {} requêtes et le plan en demande {} : il faut augmenter "
        "plan.max_seconds",
    ),
    (
        r"a process was timed ([\d.]+) s; the plan asks for ([\d.]+) s: raise plan.max_seconds, "
        r"or lower plan.min_seconds",
        "un processus a été chronométré {} s et le plan demande {} s : il faut augmenter "
        "plan.max_seconds, ou baisser plan.min_seconds",
    ),
    (
        r"(\d+) processes were measured; the plan asks for (\d+): raise plan.max_seconds",
        "{} processus ont été mesurés et le plan en demande {} : il faut augmenter "
        "plan.max_seconds",
    ),
    (r"other processes took (\d+)% of the processors", "d’autres ont pris {} % des processeurs"),
    (r"the hypervisor took (\d+)%", "l’hyperviseur a pris {} %"),
    (r"the processor was throttled", "le processeur a été bridé"),
    (
        r"the clock fell to (\d+)% of its nominal frequency",
        "l’horloge est tombée à {} % de sa fréquence nominale",
    ),
    (
        rf"{NUMBER} of {NUMBER} processes were measured in the time there was; raise "
        r"plan.max_seconds for all of them",
        "{} processus sur {} ont été mesurés dans le temps imparti ; il faut augmenter "
        "plan.max_seconds pour tous les avoir",
    ),
    (
        rf"{NUMBER} of {NUMBER} rows, drawn at random, were answered in the time there was; raise "
        r"plan.max_seconds for all of them",
        "{} lignes sur {}, tirées au hasard, ont reçu une réponse dans le temps imparti ; il faut "
        "augmenter plan.max_seconds pour toutes les avoir",
    ),
    (r"([\d,]+) of ([\d,]+)", "{} sur {}"),
    (
        r"no power meter can be read here \(tried: (.+)\); frugalbench doctor says what would "
        r"unlock one",
        "aucun compteur d’énergie ne peut être lu ici (essayés : {}) ; frugalbench doctor dit ce "
        "qui en débloquerait un",
    ),
    (
        r"meter modelled: from the load and the nominal power of the processor, and the size of "
        r"the memory",
        "compteur modelled : d’après la charge et la puissance nominale du processeur, et la "
        "taille de la mémoire",
    ),
    (
        r"meter (\w+): this machine shows no RAPL counter \(usual in a virtual machine\)",
        "compteur {} : cette machine ne montre pas de compteur RAPL (usuel en machine virtuelle)",
    ),
    (
        r"meter (\w+): the target does not run on an NVIDIA GPU",
        "compteur {} : la cible n’utilise pas de processeur graphique NVIDIA",
    ),
    (
        r"meter (\w+): the RAPL counters are readable by root only",
        "compteur {} : seul l’administrateur peut lire les compteurs RAPL",
    ),
)


def at_most(shown: Shown) -> str:
    """A one-sided bound in words; empty where there is none."""
    words = WORDS[shown.lang]
    if not shown.most:
        return ""
    return (words.stopping if shown.stopping else words.most).format(bound=shown.most)


def how(value: Value, lang: Lang = "en") -> str:
    """How a number was got, and the quality of an energy."""
    words = WORDS[lang]
    return ", ".join(filter(None, (words.methods[value.method], words.grades.get(value.grade))))


def note(text: str, lang: Lang = "en") -> Sentence:
    """A metric's or a measurement's own remark, in French where there is a reading of it."""
    if lang == "fr":
        for pattern, french in NOTES:
            if (found := re.fullmatch(pattern, text)) is not None:
                parts = [_french_note(part) for part in found.groups()]
                return french.format(*parts), "fr"
    return text, "en"


def _french_note(part: str) -> str:
    if re.fullmatch(r"[\d.,]+", part):
        return part.replace(",", NARROW_SPACE).replace(".", ",")
    return next((french for english, french in RATES if part == english), part)


def reason(missing: Missing, lang: Lang = "en") -> Sentence:
    """Why a number is missing, as a sentence for people.

    English keeps the metric's own detail, which says what would give the number.
    """
    known = WORDS[lang].reasons.get(missing.reason)
    if lang == "fr" and known:
        return known, "fr"
    detail = clean(missing.detail, MAX_SENTENCE)
    return detail or EN.reasons.get(missing.reason) or clean(missing.reason), "en"


def explanation(finding: Finding, lang: Lang = "en") -> Sentence:
    """What a finding says, and what would change it, in `lang` where there is a reading of it."""
    measure: Measure = finding.measure
    if isinstance(measure, Missing) and lang == "fr":
        return reason(measure, lang)
    told = finding.explanation.replace(MISSING_GROUP, WORDS[lang].no_group)
    english = clean(told, MAX_SENTENCE).rstrip("; ")
    if lang == "fr":
        for pattern, french in FRENCH:
            if (found := re.fullmatch(f"{pattern}(; .*)?", english)) is not None:
                *parts, extra = found.groups(default="")
                aside = f" ; {note(extra[2:], lang)[0]}" if extra else ""
                return french.format(*map(_french_part, parts)) + aside, "fr"
    return english, "en"


def _french_part(text: str) -> str:
    names: dict[Method, str] = FR.methods
    if text[0].isdigit() and " " not in text:
        return text.replace(",", NARROW_SPACE)
    if (known := note(text, "fr"))[1] == "fr":
        return known[0]
    return ", ".join(
        next((words for key, words in names.items() if key == part), part)
        for part in text.split(", ")
    )
