"""The fields of a card, and the headings and keys under which people write them.

Model cards after Mitchell et al. (2019), with the environmental section of model hubs; data
statements after Bender and Friedman (2018) and Gebru et al. (2021).

A phrase is found anywhere in a heading, word by word; one that begins with `=` must be all of it.
Capitals, accents, marks and numbering do not count, so neither do they here.
"""

__all__ = ["DATA", "MODEL", "PLACEHOLDERS", "TITLE", "TO_DO"]

TITLE: dict[str, str] = {"model": "details", "data": ""}
"""The field that the text under a card's own title fills in."""

MODEL: dict[str, tuple[str, ...]] = {
    "details": (
        *("model details", "model description", "model summary", "model information"),
        *("=description", "=overview", "=details", "=summary", "=about", "=architecture"),
        *("model architecture", "architecture and objective", "en bref", "=resume", "presentation"),
        *("details du modele", "description du modele", "=modele", "architecture du modele"),
    ),
    "intended use": (
        *("intended use", "intended uses", "direct use", "downstream use", "out of scope"),
        *("primary use", "primary uses", "=uses", "=use", "=usage", "=use case", "use cases"),
        *("=not for", "=intended purpose", "intended users", "recommended use"),
        *("usage prevu", "usages prevus", "utilisation prevue", "utilisations prevues"),
        *("=usages", "=utilisation", "=finalite", "usages exclus", "hors perimetre", "=users"),
    ),
    "factors": (
        *("=factors", "=groups", "relevant factors", "evaluation factors", "by group", "subgroups"),
        *("subpopulations", "sensitive attributes", "demographic groups", "disaggregation"),
        *("=facteurs", "=groupes", "par groupe", "attributs sensibles", "sous groupes"),
        *("sous populations", "sensitive used", "sensitive not used"),
    ),
    "metrics": (
        *("=metrics", "=measures", "performance measures", "performance metrics"),
        *("evaluation metrics", "decision threshold", "decision thresholds", "model measures"),
        *("=metriques", "=mesures", "metriques d evaluation", "mesures de performance"),
        *("seuil de decision", "seuils de decision", "=metric"),
    ),
    "evaluation data": (
        *("evaluation data", "testing data", "test data", "evaluation dataset", "test set"),
        *("validation data", "evaluation datasets", "donnees d evaluation", "donnees de test"),
        *("jeu de test", "jeu d evaluation", "donnees de validation"),
    ),
    "training data": (
        *("training data", "=training", "training dataset", "training datasets", "training set"),
        *("=datasets", "=dataset", "training and data", "donnees d entrainement"),
        *("donnees d apprentissage", "=entrainement", "=apprentissage", "jeu d entrainement"),
        "jeu d apprentissage",
    ),
    "quantitative results": (
        *("=results", "quantitative analyses", "quantitative analysis", "quantitative results"),
        *("evaluation results", "=quality", "=performance", "=model index", "benchmark results"),
        *("=resultats", "resultats quantitatifs", "analyses quantitatives", "=qualite"),
        *("=performances", "resultats de l evaluation", "=eval results"),
    ),
    "ethical considerations": (
        *("ethical considerations", "=ethics", "ethical aspects", "=bias", "bias risks", "=risks"),
        *("bias and fairness", "fairness considerations", "risks and harms", "societal impact"),
        *("considerations ethiques", "=ethique", "aspects ethiques", "=biais", "biais et risques"),
        *("=risques", "biais risques", "risques et biais"),
    ),
    "limitations": (
        *("limitations", "=limits", "caveats", "known limitations", "=limitation"),
        *("caveats and recommendations", "known issues", "=limites", "limites connues"),
        *("mises en garde", "limites et recommandations", "et limites"),
    ),
    "licence": (
        "licence",
        "license",
        "licensing",
        "licences",
        "terms of use",
        "conditions d usage",
    ),
    "contact": (
        *("contact", "maintainer", "maintainers", "maintained by", "=authors", "=author"),
        *("card authors", "card contact", "developed by", "=developers", "=owner", "=owners"),
        *("contacts", "=auteurs", "=auteur", "responsable", "developpe par", "mainteneur"),
        *("mainteneurs", "point of contact", "=maintenance", "questions or comments"),
    ),
    "environmental impact": (
        *("environmental impact", "environmental considerations", "carbon", "=co2 eq emissions"),
        *("carbon footprint", "energy consumption", "=energy", "=frugality", "=co2"),
        *("impact environnemental", "empreinte carbone", "consommation d energie", "=energie"),
        *("=frugalite", "empreinte environnementale", "environmental footprint"),
    ),
}

DATA: dict[str, tuple[str, ...]] = {
    "motivation": (
        *("motivation", "curation rationale", "=purpose", "why this data", "dataset rationale"),
        *("raison d etre", "pourquoi ces donnees", "=objectif", "=finalite", "=but"),
    ),
    "composition": (
        *("composition", "what it is", "dataset structure", "data instances", "data fields"),
        *("=columns", "=features", "dataset summary", "dataset description", "=variables"),
        *("size categories", "dataset info", "=content", "=contents", "language variety"),
        *("structure des donnees", "=colonnes", "=contenu", "description des donnees", "en bref"),
        *("description du jeu", "structure du jeu"),
    ),
    "collection": (
        *("collection process", "data collection", "=collection", "speech situation"),
        *("collection method", "data acquisition", "how it was collected", "sampling"),
        *("=collecte", "processus de collecte", "collecte des donnees", "echantillonnage"),
    ),
    "provenance": (
        *("provenance", "=source", "=sources", "source data", "data source", "data sources"),
        *("=attribution", "=origin", "source datasets", "=citation", "citation information"),
        *("=origine", "donnees sources", "source des donnees", "=carrier"),
    ),
    "people and consent": (
        *("consent", "personal and sensitive", "sensitive attributes", "privacy", "=people"),
        *("speaker demographic", "annotator demographic", "demographics", "human subjects"),
        *("personal data", "data subjects", "=personnes", "consentement", "vie privee"),
        *("donnees personnelles", "attributs sensibles", "personnes concernees", "demographie"),
    ),
    "preprocessing": (
        *("preprocessing", "pre processing", "data cleaning", "=cleaning", "=preparation"),
        *("how it was prepared", "data processing", "text characteristics", "=processing"),
        *("pretraitement", "pretraitements", "nettoyage", "=traitement", "data preparation"),
        "preparation des donnees",
    ),
    "labelling": (
        *(
            "labelling",
            "labeling",
            "annotation",
            "annotations",
            "annotation process",
            "how it was labelled",
        ),
        *("annotations creators", "annotation creators", "ground truth", "label definition"),
        *("annotators", "etiquetage", "=etiquettes", "=etiquette", "annotateurs", "verite terrain"),
    ),
    "splits": (
        *("=splits", "=split", "data splits", "train test split", "=decoupage", "=partition"),
        *("=partitions", "decoupage des donnees", "partition des donnees", "data split"),
    ),
    "limitations": (
        *("limitations", "=limits", "=bias", "=biases", "known biases", "bias and limitations"),
        *("discussion of biases", "bias risks", "caveats", "known issues", "errata"),
        *("=limites", "=biais", "biais connus", "limites connues", "et limites", "biais et"),
    ),
    "licence": (
        *("licence", "license", "licensing", "licences", "terms of use", "=terms", "=distribution"),
        *("conditions d usage", "=diffusion"),
    ),
    "maintenance": (
        *("maintenance", "maintainer", "maintainers", "maintained by", "dataset curators"),
        *("=contact", "point of contact", "curated by", "card contact", "dataset card authors"),
        *("=updates", "mainteneur", "mainteneurs", "mises a jour", "responsable"),
    ),
    "recommended uses": (
        *("=uses", "=use", "recommended uses", "recommended use", "intended use", "intended uses"),
        *("direct use", "out of scope", "=not for", "considerations for using", "=usage"),
        *("usages recommandes", "usage prevu", "usages prevus", "=usages", "utilisations prevues"),
        *("=utilisation", "=utilisations", "supported tasks", "task categories"),
    ),
}

PLACEHOLDERS = frozenset(
    {
        *("", "todo", "tbd", "tba", "tbc", "fixme", "n a", "na", "none", "null", "nil", "unknown"),
        *("xxx", "xx", "to do", "to be done", "to be added", "to be completed", "to be defined"),
        *(
            "to be determined",
            "to come",
            "coming soon",
            "work in progress",
            "wip",
            "empty",
            "blank",
        ),
        *("more information needed", "more info needed", "more information is needed"),
        *("needs more information", "information needed", "not available", "not applicable"),
        *("not specified", "not provided", "not yet", "placeholder", "fill in", "fill me in"),
        *("please fill in", "your text here", "insert text here", "add text here", "add here"),
        *("lorem ipsum", "description here", "a completer", "a definir", "a faire"),
        *(
            "a venir",
            "a remplir",
            "a renseigner",
            "neant",
            "inconnu",
            "sans objet",
            "non renseigne",
        ),
        *("non disponible", "non applicable", "non communique", "aucun", "aucune", "vide", "nc"),
        *(
            "so",
            "nsp",
            "en cours",
            "bientot disponible",
            "undefined",
            "unspecified",
            "same as above",
        ),
    }
)
"""What stands where text is still to come."""

TO_DO = frozenset({"todo", "tbd", "tba", "tbc", "fixme", "xxx"})
"""What a line begins with that says what is still to be written."""
