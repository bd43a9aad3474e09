"""How the sentences of the judge and the remarks of measures read in French, as pairs of patterns.

A pattern matches the whole English sentence; what it catches goes into the French one in order.
"""

__all__ = ["FRENCH", "NOTES", "NUMBER", "WORDED"]

NUMBER = r"([\d,]+)"
FRENCH: tuple[tuple[str, str], ...] = (
    (r"the whole interval is inside the bound", "tout l’intervalle est dans la limite"),
    (
        r"the whole interval is outside the bound; outside after Holm's correction: ([^;]+)",
        "tout l’intervalle est hors de la limite ; hors limite après correction de Holm : {}",
    ),
    (r"the whole interval is outside the bound", "tout l’intervalle est hors de la limite"),
    (r"to settle it, count about: ([^;]+)", "pour conclure, il faudrait compter environ : {}"),
    (
        rf"about {NUMBER} observations instead of {NUMBER} would settle it",
        "environ {} observations au lieu de {} permettraient de conclure",
    ),
    (
        rf"about {NUMBER} clusters in the smallest group instead of {NUMBER} would settle it",
        "environ {} grappes dans le plus petit groupe au lieu de {} permettraient de conclure",
    ),
    (
        rf"the smallest group has {NUMBER} clusters of rows to count and the policy asks for "
        rf"{NUMBER}",
        "le plus petit groupe a {} grappes de lignes à compter et la politique en demande {}",
    ),
    (
        r"to settle it, count about: ([^;]+), in clusters of rows",
        "pour conclure, il faudrait compter environ, en grappes de lignes : {}",
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


WORDED = (
    (r"selection rate", "taux de sélection"),
    (r"log selection rate", "logarithme du taux de sélection"),
    (r"base rate", "taux de base"),
    (r"false omission rate", "taux de fausses omissions"),
    (r"TPR", "taux de vrais positifs"),
    (r"FPR", "taux de faux positifs"),
    (r"PPV", "valeur prédictive positive"),
    (r"accuracy", "exactitude"),
    (r"Brier score", "score de Brier"),
    (r"calibration in the large", "calibration globale"),
    (r"calibration error", "erreur de calibration"),
    (r"coverage", "couverture"),
    (r"mean residual", "résidu moyen"),
    (r"mean absolute error", "erreur absolue moyenne"),
    (r"root mean squared error", "erreur quadratique moyenne"),
    (r"loss of (.+)", "perte : {}"),
    (r"rise of the (.+)", "hausse : {}"),
    (r"rise of (.+)", "hausse : {}"),
    (r"fall of the (.+)", "baisse : {}"),
    (r"(selection rate|false omission rate|TPR|FPR|PPV) of (.+)", "{} de {}"),
)
"""Words that measures over groups are called by."""
NOTES: tuple[tuple[str, str], ...] = (
    (
        r"widest ([^;]+?): ([^;]+) (-?[\d.]+) \(n=(\d+)\) against ([^;]+) (-?[\d.]+) \(n=(\d+)\)",
        "plus grand écart, {} : {} {} (n = {}) contre {} {} (n = {})",
    ),
    (
        r"widest ([^;]+?): ([^;]+) (-?[\d.]+) \(n=(\d+)\) against ([^;]+) (-?[\d.]+) \(n=(\d+)\); "
        r"([\d.]+) would be expected if all groups were alike",
        "plus grand écart, {} : {} {} (n = {}) contre {} {} (n = {}) ; {} serait attendu de "
        "groupes tous pareils",
    ),
    (
        r"widest: ([^;]+) and ([^;]+); ([\d.]+) would be expected if all groups were alike",
        "plus grand écart : {} et {} ; {} serait attendu de groupes tous pareils",
    ),
    (
        r"widest of ([^;:]+): ([^;]+) and ([^;]+); ([\d.]+) would be expected if all groups were "
        r"alike",
        "plus grand écart, classe {} : {} et {} ; {} serait attendu de groupes tous pareils",
    ),
    (r"worst: ([^;]+) \(n=(\d+)\)", "le moins bon : {} (n = {})"),
    (
        r"(.+) does the job as far as can be told: ([\d.,]+) against ([\d.,]+)",
        "{} suffit pour autant qu’on le sache : {} contre {}",
    ),
    (
        rf"([\d.]+) against ([\d.]+) of (.+); McNemar p ([=<]) ([\d.]+) \({NUMBER} rows only the "
        rf"model gets right, {NUMBER} only (.+)\)",
        "{} contre {} pour {} ; McNemar p {} {} ({} lignes que seul le modèle réussit, {} que seul "
        "{} réussit)",
    ),
    (r"([\d.,]+) against ([\d.,]+) of (.+)", "{} contre {} pour {}"),
    (r"([\d.,]+) times the energy of (.+)", "{} fois l’énergie de {}"),
    (rf"one more right answer in {NUMBER}", "une réponse juste de plus sur {}"),
    (
        rf"{NUMBER} right answers lost, {NUMBER} won; McNemar's exact p = (.+)",
        "{} réponses justes perdues, {} gagnées ; test exact de McNemar, p = {}",
    ),
    (
        rf"{NUMBER} of {NUMBER}; {NUMBER} rows: {NUMBER} positive, {NUMBER} negative, "
        rf"{NUMBER} selected",
        "{} sur {} ; {} lignes : {} positives, {} négatives, {} sélectionnées",
    ),
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
        r"samples never seen take (\d+)% to (\d+)% of the time of those timed: their answers are "
        r"not remembered",
        "des échantillons jamais vus prennent de {} % à {} % du temps de ceux qui ont été "
        "chronométrés : leurs réponses ne sont pas gardées en mémoire",
    ),
    (
        r"nothing shows that answers are not remembered: that check is not in the record, with no "
        r"reason that fits its plan and times; measure again",
        "rien ne montre que les réponses ne sont pas gardées en mémoire : ce contrôle manque dans "
        "l’enregistrement, sans raison conforme à son plan et à ses durées ; il faut mesurer à "
        "nouveau",
    ),
    (
        r"nothing shows that answers while timing are those of the model: that check is not in the "
        r"record, with no reason that fits its plan and times; measure again",
        "rien ne montre que les réponses chronométrées sont celles du modèle : ce contrôle manque "
        "dans l’enregistrement, sans raison conforme à son plan et à ses durées ; il faut mesurer "
        "à nouveau",
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
    (
        r"([\d.]+) would be expected of a (?:perfectly calibrated model|perfect one)",
        "{} serait attendu d’un modèle parfaitement calibré",
    ),
    (r"([\d.]+) expected", "{} attendu"),
    (r"([\d.]+) seen", "{} observé"),
    (r"widest: ([^;]+) and ([^;]+)", "plus grand écart : {} et {}"),
    (r"worst: (\w+):([\d.]+)", "le moins bon : {}, {}"),
    (r"absent: (.+)", "absents : {}"),
    (r"PUE ([\d.]+)", "PUE {}"),
    (r"on site ([\d.]+) L/kWh", "sur place {} L/kWh"),
    (r"grid ([\d.]+) L/kWh", "réseau {} L/kWh"),
    (r"grid ([\d.]+) L/kWh \((.+)\)", "réseau {} L/kWh ({})"),
    (r"([\d.]+) g/kWh \((.+)\)", "{} g/kWh ({})"),
    (r"factor of (\d+)", "facteur de {}"),
    (r"([\d.]+) to ([\d.]+)", "{} à {}"),
    (r"over three years old", "vieux de plus de trois ans"),
    (r"its own uncertainty is not known", "son incertitude propre est inconnue"),
    (r"((?:cpu|gpu|ram)(?: \+ (?:cpu|gpu|ram))*)", "{}"),
    (rf"{NUMBER} windows", "{} fenêtres"),
    (
        r"below the detection limit: at most ([\d.]+) J",
        "sous la limite de détection : au plus {} J",
    ),
    (rf"{NUMBER} shuffles", "{} permutations"),
    (rf"{NUMBER} neighbours a row", "{} voisins par ligne"),
    (
        r"sets made to hold (\d+) % of all rows",
        "ensembles faits pour contenir la réponse de {} % des lignes",
    ),
    (rf"{NUMBER} members", "{} membres"),
    (rf"{NUMBER} non-members", "{} non-membres"),
    (rf"{NUMBER} of {NUMBER} members", "{} membres sur {}"),
    (rf"{NUMBER} of {NUMBER} non-members", "{} non-membres sur {}"),
    (r"([\d.]+) is no advantage", "{} ne donne aucun avantage"),
    (
        r"rows of one cluster count as if they were independent",
        "les lignes d’une même grappe comptent comme si elles étaient indépendantes",
    ),
    (
        rf"{NUMBER} empty values of the data were fed as NaN",
        "{} valeurs vides des données ont été données au modèle comme NaN",
    ),
    (
        rf"{NUMBER} of {NUMBER} tested rows are also training rows: the model is fed the same, as "
        rf"it is of {NUMBER} of {NUMBER} training rows and another one",
        "{} lignes testées sur {} sont aussi des lignes d’apprentissage : le modèle reçoit la même "
        "chose, comme pour {} lignes d’apprentissage sur {} et une autre",
    ),
    (
        rf"{NUMBER} members and {NUMBER} non-members tie at the threshold and count in part",
        "{} membres et {} non-membres sont à égalité au seuil et comptent en partie",
    ),
    (
        rf"projection: {NUMBER} inferences a day as measured",
        "projection : {} inférences par jour, comme mesuré",
    ),
    (r"([\d.]+) days", "{} jours"),
    (r"energy of (.+)", "énergie de {}"),
    (r"use of electricity only", "usage de l’électricité seul"),
    (r"without embodied carbon \(\w+\)", "sans le carbone incorporé"),
    (r"the same session and batch", "même session et même lot"),
    (r"batches of (\d+)", "lots de {}"),
    (r"before of (\d+)", "auparavant de {}"),
    (r"threads (\d+)", "fils : {}"),
    (r"before (\d+)", "auparavant {}"),
    (r"(float\d+|double|int\d+)", "{}"),
    (
        r"the same within (\S+) of the value \+ (\S+) of the largest",
        "égales à {} près de la valeur + {} de la plus grande",
    ),
    (rf"{NUMBER} right before", "{} justes avant"),
    (rf"{NUMBER} after", "{} après"),
    (rf"of {NUMBER}", "sur {}"),
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
