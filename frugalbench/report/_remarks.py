"""How what a measurement says of itself reads in French, as in `_readings`: pairs of patterns."""

__all__ = ["REMARKS"]

N = r"([\d,]+)"
REAL = r"([\d.,e+-]+)"
INPUTS = (
    (
        r"columns were fed in file order \((.+)\), which nothing but their number confirms; list "
        r"them with data\.features=\[…\] to be sure",
        "les colonnes ont été données dans l’ordre du fichier ({}), que seul leur nombre confirme "
        "; les énumérer avec data.features=[…] pour en être sûr",
    ),
    (
        r"outputs that were not read: (.+); model\.output=… takes another",
        "sorties qui n’ont pas été lues : {} ; model.output=… en prend une autre",
    ),
    (
        r"axis (\S+) of input '(.+)' was set to 1 for want of a size: give (.+)",
        "l’axe {} de l’entrée « {} » a été mis à 1 faute de taille : donner {}",
    ),
    (r"real inputs, data=(\S+)", "de vraies entrées, data={}"),
    (
        rf"{N} of {N} samples were left out of each pass",
        "{} échantillons sur {} ont été laissés hors de chaque passe",
    ),
    (
        r"the same rows are answered otherwise in another batch, or at another time: all were "
        r"answered (\d+) at a time, as timed",
        "les mêmes lignes reçoivent une autre réponse dans un autre lot ou à un autre moment : "
        "toutes ont été traitées {} à la fois, comme au chronomètre",
    ),
    (
        rf"{N} of {N} training rows were asked in the time there was; raise plan\.max_seconds for "
        r"all of them",
        "{} lignes d’apprentissage sur {} ont été présentées dans le temps imparti ; il faut "
        "augmenter plan.max_seconds pour toutes les présenter",
    ),
    (
        r"the answers to training rows cannot be read: (.+)",
        "les réponses aux lignes d’apprentissage ne peuvent être lues : {}",
    ),
    (
        r"which rows are alike, and how difficult they are, was not found: (.+)",
        "quelles lignes se ressemblent, et leur difficulté, n’a pas été trouvé : {}",
    ),
)
SIZES = (
    (rf"of {REAL} MiB", "sur {} Mio"),
    (rf"model {REAL} MiB", "modèle {} Mio"),
    (rf"(\w+) {REAL} MiB", "{} {} Mio"),
)
OUTPUTS = (
    (
        rf"tolerance {REAL} of the range \(8-bit integers\)",
        "tolérance de {} fois l’étendue (entiers de 8 bits)",
    ),
    (
        rf"tolerance {REAL} of the range \((16|32)-bit floats\)",
        "tolérance de {} fois l’étendue (flottants de {} bits)",
    ),
    (
        rf"{N} rows are no number on one side only",
        "{} lignes ne donnent pas un nombre d’un des deux côtés",
    ),
)
PROCESSES = (
    (
        rf"a quota of processor time stopped it {N} times",
        "un quota de temps de processeur l’a arrêté {} fois",
    ),
    (
        r"process (\d+) was disturbed and is measured again: (.+)",
        "le processus {} a été dérangé et est mesuré à nouveau : {}",
    ),
    (
        r"process (\d+) gave nothing \((\w+)\): (.+)",
        "le processus {} n’a rien donné ({}) : {}",
    ),
    (
        r"process (\d+) stands as it was measured before, disturbed",
        "le processus {} reste tel qu’il avait été mesuré, dérangé",
    ),
    (r"process (\d+): (.+)", "processus {} : {}"),
    (
        r"the wanted half-width was not reached; raise plan\.max_seconds and plan\.max_processes",
        "la demi-largeur voulue n’a pas été atteinte ; il faut augmenter plan.max_seconds et "
        "plan.max_processes",
    ),
    (
        r"the extra passes were not ended: (.+)",
        "les passes supplémentaires n’ont pas été achevées : {}",
    ),
    (
        r"the model did not come back from the extra passes",
        "le modèle n’est pas revenu des passes supplémentaires",
    ),
    (r"the memory ran out", "la mémoire a manqué"),
)
PROBED = (
    (
        rf"{N} rows were probed in the time and memory there were; raise probes\.seconds and "
        r"plan\.max_seconds for more",
        "{} lignes ont été perturbées dans le temps et la mémoire disponibles ; il faut augmenter "
        "probes.seconds et plan.max_seconds pour en avoir plus",
    ),
    (r"no row was probed: (.+)", "aucune ligne n’a été perturbée : {}"),
    (
        r"there was no time for this pass; raise probes\.seconds or plan\.max_seconds",
        "le temps a manqué pour cette passe ; il faut augmenter probes.seconds ou plan.max_seconds",
    ),
    (r"no feature was shuffled: (.+)", "aucune variable n’a été permutée : {}"),
    (
        rf"each feature was shuffled {N} times in the time there was, not {N}",
        "chaque variable a été permutée {} fois dans le temps imparti, et non {}",
    ),
    (r"one row has nothing to be shuffled with", "une ligne seule n’a rien avec quoi permuter"),
    (
        r"the inputs are no table of features",
        "les entrées ne sont pas un tableau de variables",
    ),
    (
        rf"the inputs have {N} features, over {N}",
        "les entrées ont {} variables, plus que {}",
    ),
    (
        r"there was no time to shuffle every feature; raise probes\.seconds",
        "le temps a manqué pour permuter toutes les variables ; il faut augmenter probes.seconds",
    ),
    (
        r"the rows were not asked again \((.+)\): there was no time",
        "les lignes n’ont pas été présentées à nouveau ({}) : le temps a manqué",
    ),
    (
        r"the rows could not be asked again \((.+)\): (.+)",
        "les lignes n’ont pas pu être présentées à nouveau ({}) : {}",
    ),
    (
        r"the rows were not asked with other threads: opening a session takes too long",
        "les lignes n’ont pas été présentées avec un autre nombre de fils : ouvrir une session "
        "prend trop de temps",
    ),
    (r"(\w+) does not fit '(.+)': (.+)", "{} ne convient pas à « {} » : {}"),
)
METERS = (
    (
        rf"((?:cpu|gpu|ram|machine|board|module|rail:\S+)(?: \+ \S+)*), {N} windows",
        "{}, {} fenêtres",
    ),
    (rf"{N} readings failed", "{} lectures ont échoué"),
    (r"no idle baseline", "sans mesure au repos"),
    (r"idle power drifted by (\d+)%", "la puissance au repos a dérivé de {} %"),
    (r"(\w+) and (\w+) differ by (\d+)%", "{} et {} diffèrent de {} %"),
    (r"the processor is not in it", "le processeur n’y est pas"),
    (
        rf"below the detection limit: at most {REAL} J",
        "sous la limite de détection : au plus {} J",
    ),
    (
        r"meter (\w+): this machine shows no RAPL counter \(usual in a virtual machine or a "
        r"container\)",
        "compteur {} : cette machine ne montre pas de compteur RAPL (usuel en machine virtuelle ou "
        "en conteneur)",
    ),
    (r"meter (\w+): (.+)", "compteur {} : {}"),
    (r"this machine shows no battery", "cette machine ne montre pas de batterie"),
    (
        r"no hardware monitor shows a power or an energy",
        "aucun moniteur matériel ne montre de puissance ni d’énergie",
    ),
    (
        r"this is no Jetson board: no INA3221 power monitor is shown",
        "ce n’est pas une carte Jetson : aucun moniteur de puissance INA3221 n’est montré",
    ),
    (r"this is no Raspberry Pi 5", "ce n’est pas un Raspberry Pi 5"),
    (r"(\S+) is not installed", "{} n’est pas installé"),
    (r"no meter log was given", "aucun journal de compteur n’a été donné"),
    (
        r"the (.+) are readable by root only",
        "seul l’administrateur peut lire : {}",
    ),
    (r"RAPL counters", "compteurs RAPL"),
    (r"power (?:sensors|monitors)", "capteurs de puissance"),
    (
        r"the target does not run on an NVIDIA GPU",
        "la cible n’utilise pas de processeur graphique NVIDIA",
    ),
    (
        r"from the load and the nominal power of the processor, and the size of the memory",
        "d’après la charge et la puissance nominale du processeur, et la taille de la mémoire",
    ),
    (
        r"a window is shorter than the (\S+) s between two updates of (\w+): raise "
        r"plan\.process_seconds",
        "une fenêtre est plus courte que les {} s entre deux mises à jour de {} : il faut "
        "augmenter plan.process_seconds",
    ),
    (r"(\w+) could not be read", "{} n’a pas pu être lu"),
    (r"a counter could not be read", "un compteur n’a pas pu être lu"),
    (r"a power sensor could not be read", "un capteur de puissance n’a pas pu être lu"),
    (r"a power monitor could not be read", "un moniteur de puissance n’a pas pu être lu"),
    (r"a counter is out of its range", "un compteur est hors de son domaine"),
    (r"a counter was set (?:back|forward)", "un compteur a été déplacé"),
    (
        r"not read for (\S+) s: a counter may have gone round unseen",
        "non lu pendant {} s : un compteur a pu faire un tour sans être vu",
    ),
    (
        r"no package zone: only the memory is counted",
        "aucune zone « package » : seule la mémoire est comptée",
    ),
    (
        r"the gauge of the battery, which refreshes every few seconds",
        "la jauge de la batterie, qui se renouvelle toutes les quelques secondes",
    ),
    (
        r"the battery's state changed, or it could not be read",
        "l’état de la batterie a changé, ou n’a pas pu être lu",
    ),
    (
        r"no sensor is known to be of the whole: single rails only",
        "on ne sait d’aucun capteur qu’il mesure l’ensemble : rails isolés seulement",
    ),
    (
        r"the module is not in the table of Jetson modules: single rails only, no whole",
        "le module n’est pas dans la table des modules Jetson : rails isolés seulement",
    ),
    (
        r"board is a fit of users to the rails of the power chip \((.+)\), not a measurement of "
        r"the input; USB devices are not in it",
        "« board » est un ajustement fait par des utilisateurs sur les rails de la puce "
        "d’alimentation ({}), non une mesure de l’entrée ; les périphériques USB n’y sont pas",
    ),
    (r"read from (.+), clock (\S+) s ± (\S+) s", "lu dans {}, horloge {} s ± {} s"),
    (
        r"the driver was reset: its counter began again",
        "le pilote a redémarré : son compteur aussi",
    ),
)
CARBON = (
    (
        rf"(.+?), {REAL} kg \(figure of (\d+); (.+)\) over {REAL} years, (.+), {REAL} of the "
        r"machine reserved",
        "{}, {} kg (valeur de {} ; {}) sur {} ans, {}, part de la machine réservée : {}",
    ),
    (
        rf"(.+?), {REAL} kg \(figure of (\d+), over three years old; (.+)\) over {REAL} years, "
        rf"(.+), {REAL} of the machine reserved",
        "{}, {} kg (valeur de {}, vieille de plus de trois ans ; {}) sur {} ans, {}, part de la "
        "machine réservée : {}",
    ),
    (
        r"utilisation not stated, taken as 1: a machine that never waits",
        "utilisation non indiquée, prise égale à 1 : une machine qui n’attend jamais",
    ),
    (rf"utilisation {REAL}", "utilisation {}"),
    (
        r"the wait between queries counted in their time",
        "l’attente entre les requêtes comptée dans leur durée",
    ),
    (
        rf"per (.+), of which an inference is {REAL}",
        "par {}, dont une inférence vaut {}",
    ),
    (r"energy while it waits is not in it", "l’énergie de l’attente n’y est pas"),
    (r"embodied: (.+)", "incorporé : {}"),
    (r"with embodied carbon", "avec le carbone incorporé"),
)
COUNTED = (
    (r"at least: (.+) and (.+) are not counted", "au moins : {} et {} ne sont pas comptés"),
    (r"at least: (.+) are not counted", "au moins : {} ne sont pas comptés"),
    (
        rf"of a call of {N} samples, which do not share it evenly",
        "d’un appel de {} échantillons, entre lesquels il ne se partage pas également",
    ),
    (rf"for one of the {N} samples of a call", "pour un des {} échantillons d’un appel"),
    (
        rf"{N} axes without a size count as 1 \(model\.dims gives sizes\)",
        "{} axes sans taille comptent pour 1 (model.dims donne les tailles)",
    ),
    (
        rf"{N} rows gave their class no chance, and count as {REAL}",
        "{} lignes ne laissaient aucune chance à leur classe, et comptent pour {}",
    ),
)
REMARKS = (*INPUTS, *SIZES, *OUTPUTS, *PROCESSES, *PROBED, *METERS, *CARBON, *COUNTED)
