"""The sentences about files, policies and what was asked for in French, as in `_refusals_french`.

What a pattern calls `what` is a noun of `NOUNS`.
"""

__all__ = ["NOUNS", "REQUESTS"]

NOUNS = {
    "certificate": "le certificat",
    "revocation list": "la liste de révocation",
    "commitment": "l’engagement",
    "model": "le modèle",
    "file": "le fichier",
    "key": "la clé",
    "the key": "la clé",
    "record": "l’enregistrement",
}
WHAT = "(?P<what>certificate|revocation list|commitment|model|file|key|the key|record)"

POLICY = (
    (
        r"the policy in it cannot be judged by: (?P<why>.+)",
        "la politique qu’il contient ne permet pas de juger : {why}",
    ),
    (
        r"the policy in it is not the one it names",
        "la politique qu’il contient n’est pas celle qu’il nomme",
    ),
    (
        r"give the policy file with --policy: it was judged by '(.*)' (\S+) \((\S+)\), not by (.+)",
        "donnez le fichier de la politique avec --policy : il a été jugé selon « {0} » {1} ({2}), "
        "et non selon {3}",
    ),
    (
        r"policy '(.*?)', rule '(.*?)': (?P<why>.+)",
        "politique « {0} », règle « {1} » : {why}",
    ),
    (r"policy (\S+): (?P<why>.+)", "politique {0} : {why}"),
    (r"the id is used twice; rename one", "cet identifiant sert deux fois ; changez-en un"),
    (r"there is no metric '(.*?)'; (?P<why>.+)", "il n’y a pas de métrique « {0} » ; {why}"),
    (
        r"no number could ever be accepted, a pretend one least of all; list some of (.+) in "
        r"methods",
        "aucun nombre ne pourrait être accepté, un nombre factice moins que tout autre ; indiquez "
        "dans methods certains de : {0}",
    ),
    (r"(\S+) is in '(.*)', not in '(.*)'", "{0} est en « {1} », et non en « {2} »"),
    (r"give one of at_most and at_least", "donnez soit at_most, soit at_least"),
    (r"the bound must be a finite number", "la limite doit être un nombre fini"),
    (
        r"(\S+) lies between (\S+) and (\S+), so a bound of (\S+) can never fail; choose one "
        r"inside the range",
        "{0} est entre {1} et {2} : une limite de {3} ne peut jamais être dépassée ; choisissez-en "
        "une à l’intérieur",
    ),
    (
        r"(\S+) is a rate of one group; use a rule over groups",
        "{0} est le taux d’un seul groupe ; prenez une règle sur tous les groupes",
    ),
    (
        r"there is no policy '(.*?)', by name or as a file: (?P<why>.+)",
        "il n’y a pas de politique « {0} », ni par ce nom ni comme fichier ; {why}",
    ),
)
FILES = (
    (f"{WHAT} (.+) is not there", "{what} {1} n’existe pas"),
    (f"{WHAT} (.+) is not a file", "{what} {1} n’est pas un fichier"),
    (f"{WHAT} (.+) cannot be read: (.+)", "{what} {1} ne peut être lu : {2}"),
    (
        f"{WHAT} (.+) cannot be written: (.+); choose --out",
        "{what} {1} ne peut être écrit : {2} ; choisissez --out",
    ),
    (f"there is no {WHAT} (.+): give its path", "{what} {1} n’existe pas : donnez son chemin"),
    (
        r"(.+) is a public key: sign with the private one, made by keygen",
        "{0} est une clé publique : signez avec la clé privée, faite par keygen",
    ),
    (
        r"(.+) is no Ed25519 key: make one with frugalbench keygen",
        "{0} n’est pas une clé Ed25519 : faites-en une avec frugalbench keygen",
    ),
    (
        r"(.+) is a private key: verify with the public one, ending in \.pub",
        "{0} est une clé privée : vérifiez avec la clé publique, qui finit en .pub",
    ),
    (
        r"(.+) is no Ed25519 key: ask the signer for theirs",
        "{0} n’est pas une clé Ed25519 : demandez la sienne au signataire",
    ),
    (
        r"(.+) is no public key in PEM: ask the signer for theirs",
        "{0} n’est pas une clé publique en PEM : demandez la sienne au signataire",
    ),
    (r"(.+) is over 16 KiB: it is no key", "{0} dépasse 16 Kio : ce n’est pas une clé"),
    (
        r"(.+) is there already: a key is never overwritten; choose --out",
        "{0} existe déjà : une clé n’est jamais écrasée ; choisissez --out",
    ),
    (
        r"(.+) does not open as a private key: check the file, and the passphrase",
        "{0} ne s’ouvre pas comme une clé privée : vérifiez le fichier et la phrase de passe",
    ),
    (
        r"there is no key file (.+): get the public key from the signer",
        "il n’y a pas de fichier de clé {0} : demandez la clé publique au signataire",
    ),
    (
        r"there is no key (.+): make one with frugalbench keygen",
        "il n’y a pas de clé {0} : faites-en une avec frugalbench keygen",
    ),
    (
        r"there is no record at (.+): give the folder that holds (\S+)",
        "il n’y a pas d’enregistrement à {0} : donnez le dossier qui contient {1}",
    ),
    (
        r"(.+) cannot be shown: (?P<why>.+); give a record's folder, or a certificate",
        "{0} ne peut être montré : {why} ; donnez le dossier d’un enregistrement, ou un certificat",
    ),
)
SIGNING = (
    (
        r"(.+) holds no codes of groups: move it away",
        "{0} ne contient pas de codes de groupes : déplacez-le",
    ),
    (
        r"(.+) cannot be written: (.+); free some space(?: there)?",
        "{0} ne peut être écrit : {1} ; libérez de la place",
    ),
    (
        r"(.+) is no commitment: make one with frugalbench commit",
        "{0} n’est pas un engagement : faites-en un avec frugalbench commit",
    ),
    (
        r"the record does not say when it was made: measure again",
        "l’enregistrement ne dit pas quand il a été fait : mesurez à nouveau",
    ),
    (
        r"the reference (.+) is of a failed measurement",
        "la référence {0} est celle d’une mesure qui a échoué",
    ),
    (
        r"(.+) is there already: give (?:another )?--?(\S+), or move it away",
        "{0} existe déjà : donnez un autre --{1}, ou déplacez-le",
    ),
    (r"(.+) is there already: give (.+), or move it away", "{0} existe déjà : {1}, ou déplacez-le"),
    (r"(.+) cannot be superseded: (?P<why>.+)", "{0} ne peut être remplacé : {why}"),
    (
        r"not verified, at the step '(.+?)': (?P<why>.+)",
        "non vérifié, à l’étape « {0} » : {why}",
    ),
    (
        r"(.+) is not the model of this record: give the one it measured",
        "{0} n’est pas le modèle de cet enregistrement : donnez celui qu’il a mesuré",
    ),
    (
        r"there is nothing to certify: (?P<why>.+); measure again",
        "il n’y a rien à certifier : {why} ; mesurez à nouveau",
    ),
    (
        r"the record is of (\S+), which is not yet: check both clocks",
        "l’enregistrement est du {0}, date encore à venir : vérifiez les deux horloges",
    ),
    (
        r"the record is of (\S+) and the policy lets it count for (\S+) days: measure again",
        "l’enregistrement est du {0} et la politique lui donne {1} jours : mesurez à nouveau",
    ),
    (
        r"it could not be run again: (?P<why>.+)",
        "la mesure n’a pas pu être refaite : {why}",
    ),
)
YAML = (
    (
        r"(.+) is not a file: give the path of a (\S+) file",
        "{0} n’est pas un fichier : donnez le chemin d’un fichier « {1} »",
    ),
    (
        r"(.+) is over 256 KiB: it is not a (\S+) file",
        "{0} dépasse 256 Kio : ce n’est pas un fichier « {1} »",
    ),
    (r"(.+) is not readable YAML: (.+)", "{0} n’est pas du YAML lisible (« {1} »)"),
)
ASKED = (
    (
        r"'(.*)' is for a run: add --reproduce, or leave it out",
        "« {0} » est pour une mesure : ajoutez --reproduce, ou retirez-le",
    ),
    (
        r"--at (.+) is no date: write it as (\S+)",
        "--at {0} n’est pas une date : écrivez-la comme {1}",
    ),
    (
        r"the model and the policy are those of the certificate: leave them out",
        "le modèle et la politique sont ceux du certificat : retirez-les",
    ),
    (
        r"the certificate rests on data, '(.*)': add data=FILE and data\.label=NAME to "
        r"--reproduce, or leave --reproduce out",
        "le certificat repose sur des données, « {0} » : ajoutez data=FICHIER et data.label=NOM "
        "à --reproduce, ou retirez --reproduce",
    ),
    (
        r"(\S+) claims came out otherwise here, '(.*)' among them",
        "{0} constats donnent ici un autre résultat, dont « {1} »",
    ),
    (
        r"--json and --format (\S+) are two things: choose one",
        "--json et --format {0} sont deux choses : choisissez",
    ),
    (
        r"(\S+) is for a record: leave it out, a certificate is shown whole",
        "{0} est pour un enregistrement : retirez-le, un certificat se montre en entier",
    ),
    (
        r"a certificate is not shown as '(.*)': (?P<why>.+)",
        "un certificat ne se montre pas en « {0} » : {why}",
    ),
    (r"did you mean '(.*)'\?", "vouliez-vous dire « {0} » ?"),
    (r"there is: (.+)", "il y a : {0}"),
    (r"there is none", "il n’y en a pas"),
)
REQUESTS = (*FILES, *POLICY, *YAML, *SIGNING, *ASKED)
