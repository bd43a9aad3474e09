"""How an interval was made, and the law a rule is about, in a reader's words."""

import re

from frugalbench.report._format import Lang, clean

__all__ = ["CONSTRUCTIONS", "construction", "law"]

OVER_PROBES = "_probes"

CONSTRUCTIONS: dict[Lang, dict[str, str]] = {
    "en": {
        "batch_means_t": "Student's interval over batches",
        "below_detection": "an upper limit, below what the meter detects",
        "bonett_price": "Bonett and Price's interval of a paired difference",
        "bootstrap": "resampling of rows",
        "clopper_pearson": "Clopper and Pearson's interval",
        "clopper_pearson_groups": "Clopper and Pearson's interval, over all groups together",
        "clopper_pearson_order_statistic": "Clopper and Pearson's interval of an ordered value",
        "cluster_bootstrap": "resampling of people, each with all their rows",
        "cluster_groups": "resampling of people, over all groups together",
        "cluster_pairs": "resampling of people, over all pairs of groups together",
        "delong_newcombe": "DeLong's and Newcombe's intervals, the wider",
        "exact": "exact",
        "folded_bootstrap": "resampling of rows, allowing for a perfect model",
        "hierarchical_bootstrap": "resampling of processes, then within each",
        "log_ratio_pairs": "interval of a ratio, over all pairs of groups together",
        "massart_pairs": "Massart's bound, over all pairs of groups together",
        "model_grade_low": "the accuracy claimed for a model of energy, which is low",
        "mover": "interval of a difference, from that of each part",
        "mover_pairs": "interval of a difference, over all pairs of groups together",
        "mover_ratio": "interval of a ratio, from that of each part",
        "multinomial_bootstrap": "resampling of rows by their counts",
        "newcombe_pairs": "Newcombe's interval, over all pairs of groups together",
        "one_process": "one process, no spread between processes",
        "order_statistic": "interval between ordered values",
        "paired_adjusted": "interval of a paired difference, adjusted for few rows",
        "paired_groups": "interval of a paired difference, over all groups together",
        "paired_pairs": "interval of paired differences, over all pairs of groups together",
        "product_of_ends": "from the least and the most of each factor",
        "range": "from the least to the most that was seen",
        "range_of_parts": "from the least to the most of the parts",
        "range_of_processes": "from the least to the most of the processes",
        "rounds_t": "Student's interval over rounds",
        "scaled_gaps": "resampling of rows, scaled to the exact value",
        "scaled_gaps_groups": "resampling of rows, to scale, over all groups together",
        "scaled_gaps_pairs": "resampling of rows, to scale, over all pairs of groups together",
        "single_observation": "one observation, no spread",
        "student_t": "Student's interval",
        "sum_of_ends": "from the least and the most of each term",
        "wilson": "Wilson's interval",
        "windows_t": "Student's interval over windows",
    },
    "fr": {
        "batch_means_t": "intervalle de Student sur des lots",
        "below_detection": "limite supérieure, sous ce que détecte le compteur",
        "bonett_price": "intervalle de Bonett et Price pour une différence appariée",
        "bootstrap": "rééchantillonnage des lignes",
        "clopper_pearson": "intervalle de Clopper et Pearson",
        "clopper_pearson_groups": "intervalle de Clopper et Pearson, sur tous les groupes ensemble",
        "clopper_pearson_order_statistic": "intervalle de Clopper et Pearson d’une valeur ordonnée",
        "cluster_bootstrap": "rééchantillonnage des personnes, chacune avec toutes ses lignes",
        "cluster_groups": "rééchantillonnage des personnes, sur tous les groupes ensemble",
        "cluster_pairs": "rééchantillonnage des personnes, sur toutes les paires de groupes",
        "delong_newcombe": "intervalles de DeLong et de Newcombe, le plus large",
        "exact": "exact",
        "folded_bootstrap": "rééchantillonnage des lignes, qui admet un modèle parfait",
        "hierarchical_bootstrap": "rééchantillonnage des processus, puis dans chacun",
        "log_ratio_pairs": "intervalle d’un rapport, sur toutes les paires de groupes",
        "massart_pairs": "borne de Massart, sur toutes les paires de groupes",
        "model_grade_low": "exactitude annoncée d’un modèle d’énergie, qui est basse",
        "mover": "intervalle d’une différence, d’après celui de chaque terme",
        "mover_pairs": "intervalle d’une différence, sur toutes les paires de groupes",
        "mover_ratio": "intervalle d’un rapport, d’après celui de chaque terme",
        "multinomial_bootstrap": "rééchantillonnage des lignes par leurs effectifs",
        "newcombe_pairs": "intervalle de Newcombe, sur toutes les paires de groupes",
        "one_process": "un seul processus, sans dispersion entre processus",
        "order_statistic": "intervalle entre valeurs ordonnées",
        "paired_adjusted": "intervalle d’une différence appariée, ajusté pour peu de lignes",
        "paired_groups": "intervalle d’une différence appariée, sur tous les groupes ensemble",
        "paired_pairs": "intervalle de différences appariées, sur toutes les paires de groupes",
        "product_of_ends": "du minimum et du maximum de chaque facteur",
        "range": "du minimum au maximum observés",
        "range_of_parts": "du minimum au maximum des parties",
        "range_of_processes": "du minimum au maximum des processus",
        "rounds_t": "intervalle de Student sur des tours",
        "scaled_gaps": "rééchantillonnage des lignes, ramené à la valeur exacte",
        "scaled_gaps_groups": "rééchantillonnage de lignes, à l’échelle, sur tous les groupes",
        "scaled_gaps_pairs": "rééchantillonnage de lignes, à l’échelle, sur les paires de groupes",
        "single_observation": "une seule observation, sans dispersion",
        "student_t": "intervalle de Student",
        "sum_of_ends": "du minimum et du maximum de chaque terme",
        "wilson": "intervalle de Wilson",
        "windows_t": "intervalle de Student sur des fenêtres",
    },
}
"""Every construction that a metric names, by its name."""

EVERY_PROBE: dict[Lang, str] = {
    "en": ", over all probes together",
    "fr": ", sur toutes les perturbations ensemble",
}
LAWS = (
    (re.compile(r"\bAI Act Annex\b"), "règlement sur l’IA, annexe"),
    (re.compile(r"\bAI Act\b"), "règlement sur l’IA"),
    (re.compile(r"\bGDPR\b"), "RGPD"),
)


def construction(name: str, lang: Lang) -> str:
    """How an interval was made, in words; a name that this version lacks as it is written."""
    table = CONSTRUCTIONS[lang]
    if name in table:
        return table[name]
    if name.endswith(OVER_PROBES) and (base := name.removesuffix(OVER_PROBES)) in table:
        return table[base] + EVERY_PROBE[lang]
    return clean(name)


def law(name: str, lang: Lang) -> str:
    """A law or a practice by the name it has in a language, such as RGPD for GDPR."""
    name = clean(name)
    if lang == "fr":
        for english, french in LAWS:
            name = english.sub(french, name)
    return name
