"""The sentences of refusals in French, as pairs of a pattern and a reading.

A pattern matches the whole English sentence. What it catches goes into the reading in order; what
it calls `what` is a noun of `NOUNS`, and what it calls `why` is a sentence of its own.
"""

from frugalbench.attest._refusals_requests import REQUESTS
from frugalbench.attest._steps import Step

__all__ = ["SENTENCES", "STEPS"]

STEPS: dict[Step, str] = {
    "bundle": "paquet",
    "signature": "signature",
    "payload type": "type du contenu",
    "statement type": "type de l’énoncé",
    "subject digest": "empreinte du sujet",
    "policy": "politique",
    "expiry": "expiration",
    "revocation": "révocation",
    "re-judgement": "nouveau jugement",
    "evidence": "preuves",
    "reproduction": "reproduction",
}
FORM = (
    (r"(.+) is no certificate: (?P<why>.+)", "{0} n’est pas un certificat : {why}"),
    (r"there is white space around an envelope", "une enveloppe est entourée d’espaces"),
    (
        r"an envelope holds no list of signatures",
        "une enveloppe ne contient pas de liste de signatures",
    ),
    (r"an envelope is signed twice by one key", "une clé a signé deux fois une enveloppe"),
    (r"an envelope has no '(.+)'", "une enveloppe n’a pas de « {0} »"),
    (r"an envelope holds base64 with spare bits", "une enveloppe contient du base64 à bits perdus"),
    (
        r"an envelope holds something that is not base64",
        "une enveloppe contient autre chose que du base64",
    ),
    (
        r"its first line is no signed envelope \((?P<why>.+)\); give the \.intoto\.jsonl file "
        r"that frugalbench sign wrote",
        "sa première ligne n’est pas une enveloppe signée ({why}) ; donnez le fichier "
        ".intoto.jsonl que frugalbench sign a écrit",
    ),
    (r"it holds more than (\S+) lines", "il contient plus de {0} lignes"),
    (r"it mixes two alphabets of base64", "il mêle deux alphabets de base64"),
    (r"(\S+) is no number of JSON", "{0} n’est pas un nombre en JSON"),
    (r"it is over 16 MiB", "il dépasse 16 Mio"),
    (r"a key is given twice in one object", "une clé est donnée deux fois dans un même objet"),
    (r"a number is too large", "un nombre est trop grand"),
    (r"it is not UTF-8", "ce n’est pas de l’UTF-8"),
    (r"it is nested too deeply", "l’imbrication est trop profonde"),
    (r"it is not JSON: (.+)", "ce n’est pas du JSON (« {0} »)"),
    (r"NaN is no number to certify", "NaN n’est pas un nombre à certifier"),
    (r"'(.*)' is no decimal number", "« {0} » n’est pas un nombre décimal"),
    (r"'(.*)' is too large", "« {0} » est trop grand"),
    (
        r"((?:Object|Expected|Invalid|Unsupported|Input|JSON|Integer) .+)",
        "la forme n’est pas celle attendue (« {0} »)",
    ),
    (
        r"it is before the year 1 or after the year 9999",
        "c’est avant l’an 1 ou après l’an 9999",
    ),
)
WHO = (
    (
        r"the signature by key (\S+) is not of these bytes",
        "la signature de la clé {0} ne porte pas sur ces octets",
    ),
    (
        r"(\S+) of the keys that were given signed all of it, and (\S+) must have",
        "{0} des clés données l’ont signé en entier, et il en faut {1}",
    ),
    (
        r"a signature by a key nobody vouches for proves nothing: give the signer's public key "
        r"with --key",
        "une signature par une clé dont personne ne répond ne prouve rien : donnez la clé publique "
        "du signataire avec --key",
    ),
    (
        r"--threshold (\S+) cannot be met by (\S+) key\(s\): give more",
        "--threshold {0} ne peut être atteint avec {1} clé(s) : donnez-en d’autres",
    ),
    (r"this key did not sign it", "cette clé ne l’a pas signé"),
    (
        r"it cannot be revoked with this key: (?P<why>.+)",
        "il ne peut être révoqué avec cette clé : {why}",
    ),
)
WHAT_ABOUT = (
    (r"it is not (\S+)", "ce n’est pas {0}"),
    (
        r"it is no in-toto Statement of version 1",
        "ce n’est pas un énoncé in-toto (Statement) de version 1",
    ),
    (
        r"it holds (\S+) evaluations by frugalbench, and one is needed",
        "il contient {0} évaluations de frugalbench, et il en faut une",
    ),
    (
        r"its statements are about different files",
        "ses énoncés portent sur des fichiers différents",
    ),
    (
        r"a statement beside it is of a kind that nobody here checks",
        "un énoncé qui l’accompagne est d’une sorte que personne ici ne contrôle",
    ),
    (r"it holds two statements of one kind", "il contient deux énoncés de la même sorte"),
    (
        r"a statement beside it says other things than it does",
        "un énoncé qui l’accompagne dit autre chose que lui",
    ),
    (
        r"the model's digests are not those of its files",
        "les empreintes du modèle ne sont pas celles de ses fichiers",
    ),
    (
        r"this file was converted before it was measured: give the converted one",
        "ce fichier a été converti avant d’être mesuré : donnez le fichier converti",
    ),
    (
        r"(.+) is not the file that '(.*)' was certified as",
        "{0} n’est pas le fichier qui a été certifié comme « {1} »",
    ),
    (r"'(.*)' is outside the model's folder", "« {0} » est hors du dossier du modèle"),
    (
        r"the weights '(.*)' are not beside the model",
        "les poids « {0} » ne sont pas à côté du modèle",
    ),
    (
        r"'(.*)' holds other weights than were measured",
        "« {0} » contient d’autres poids que ceux qui ont été mesurés",
    ),
    (r"'(.*)' is no name of a file", "« {0} » n’est pas un nom de fichier"),
    (
        r"the certificate names no files of a record",
        "le certificat ne nomme aucun fichier d’enregistrement",
    ),
    (r"'(.*)' is no file of a record", "« {0} » n’est pas un fichier d’enregistrement"),
    (r"(.+) is not the one it was made from", "{0} n’est pas celui dont il a été tiré"),
)
WHEN = (
    (r"it gives itself longer than (\S+) days", "il se donne plus de {0} jours"),
    (
        r"it was not issued after it was evaluated and before its end",
        "il n’a pas été émis après son évaluation et avant sa fin",
    ),
    (r"it is of (\S+), which is after (\S+)", "il est du {0}, ce qui est après le {1}"),
    (
        r"it expired at (\S+): ask for a new measurement",
        "il a expiré le {0} : demandez une nouvelle mesure",
    ),
    (
        r"it does not say from when to when it holds",
        "il ne dit pas de quand à quand il est valable",
    ),
    (r"it was revoked at (\S*): (.*)", "il a été révoqué le {0} : {1}"),
    (
        r"no key that was given signed the list (.+)",
        "aucune des clés données n’a signé la liste {0}",
    ),
    (
        r"(.+) is no revocation list: (?P<why>.+)",
        "{0} n’est pas une liste de révocation : {why}",
    ),
    (r"(.+) is no revocation list", "{0} n’est pas une liste de révocation"),
    (
        r"everybody reads why it no longer holds: say it with --reason",
        "chacun lit pourquoi il ne vaut plus : dites-le avec --reason",
    ),
    (
        r"certificate (\S+) is on the list already: nothing to do",
        "le certificat {0} est déjà sur la liste : il n’y a rien à faire",
    ),
)
AGAIN = (
    (
        r"claim '(.*?)' is of a rule the policy has not",
        "le constat « {0} » relève d’une règle que la politique n’a pas",
    ),
    (r"claim '(.*?)': (?P<why>.+)", "constat « {0} » : {why}"),
    (
        r"it says nothing of the rule '(.*?)' for the attribute '(.*)'",
        "il ne dit rien de la règle « {0} » pour l’attribut « {1} »",
    ),
    (r"it says nothing of the rule '(.*)'", "il ne dit rien de la règle « {0} »"),
    (r"it claims one thing twice", "il affirme deux fois la même chose"),
    (
        r"it says (\S+), and its claims come to (\S+)",
        "il dit {0}, et de ses constats il découle {1}",
    ),
    (
        r"it says (\S+), and its numbers come to (\S+)",
        "il dit {0}, et de ses nombres il découle {1}",
    ),
    (
        r"its metric, unit, bound or weight are not those of the rule",
        "sa métrique, son unité, sa limite ou son poids ne sont pas ceux de la règle",
    ),
    (r"its address is not one of (\S+)", "son adresse n’est pas de {0}"),
    (r"a number that is not shown cannot pass", "un nombre qui n’est pas montré ne peut réussir"),
    (
        r"it shows a number that rests on fewer than (\S+) people",
        "il montre un nombre qui repose sur moins de {0} personnes",
    ),
    (
        r"it hides a number that counts no people",
        "il tait un nombre qui ne compte aucune personne",
    ),
    (
        r"it discloses numbers that it says are not there",
        "il donne des nombres dont il dit qu’ils manquent",
    ),
    (
        r"it discloses no estimate with its interval, n and method",
        "il ne donne pas d’estimation avec son intervalle, n et sa méthode",
    ),
    (
        r"interval \[(.+)\] does not contain the estimate (.+)",
        "l’intervalle [{0}] ne contient pas l’estimation {1}",
    ),
)
POSSIBLE = (
    (
        r"it says fixed before the run, and dates that after it",
        "il dit fixé avant la mesure ce qu’il date d’après elle",
    ),
    (r"it cannot rest on (\S+) observations", "il ne peut reposer sur {0} observations"),
    (r"(\S+) has no bound of its own", "{0} n’a pas de borne propre"),
    (
        r"it says that the model has (\S+) bytes, and its files have (\S+)",
        "il dit que le modèle a {0} octets, et ses fichiers en ont {1}",
    ),
    (
        r"it leaves out some of what a certificate does not claim",
        "il omet une partie de ce qu’un certificat n’affirme pas",
    ),
    (
        r"among what it does not claim is something else",
        "parmi ce qu’il n’affirme pas figure autre chose",
    ),
    (r"it was not evaluated by frugalbench", "il n’a pas été évalué par frugalbench"),
    (
        r"its one-sided bound is on the wrong side of (\S+)",
        "sa borne unilatérale est du mauvais côté de {0}",
    ),
    (
        r"the name of how its interval was made is none",
        "le nom de la construction de son intervalle n’en est pas un",
    ),
    (
        r"it says what was fixed before the run, and neither when nor by which file",
        "il dit ce qui a été fixé avant la mesure, sans dire quand ni par quel fichier",
    ),
    (
        r"the rule '(.*)' is claimed both as a whole and in parts",
        "la règle « {0} » fait l’objet d’un constat d’ensemble et de constats partiels",
    ),
    (
        r"(\S+) is of the whole, and has no part (.+)",
        "{0} porte sur l’ensemble, et n’a pas de partie {1}",
    ),
    (r"(\S+) needs a (\S+)", "{0} demande un « {1} »"),
    (
        r"it compares with an earlier record, and names none",
        "il compare avec un enregistrement antérieur, et n’en nomme aucun",
    ),
    (
        r"it has a number about rows, and the certificate names no data",
        "il a un nombre qui porte sur des lignes, et le certificat ne nomme pas de données",
    ),
    (r"(\S+) cannot be got by '(.*)'", "{0} ne peut s’obtenir par « {1} »"),
    (r"its numbers leave the range of (\S+)", "ses nombres sortent du domaine de {0}"),
    (
        r"the level of its interval is not between one half and one",
        "le niveau de son intervalle n’est pas entre un demi et un",
    ),
    (
        r"it counts rows or people, and there are fewer than (\S+)",
        "il compte des lignes ou des personnes, et il y en a moins de {0}",
    ),
    (
        r"of (\S+) it hides one number alone, which the others give away",
        "de {0} il ne tait qu’un nombre, que les autres trahissent",
    ),
    (
        r"it does not say when policy and data were fixed",
        "il ne dit pas quand la politique et les données ont été fixées",
    ),
    (
        r"it is about '(.*)', which is not among the attributes declared",
        "il porte sur « {0} », qui n’est pas parmi les attributs déclarés",
    ),
)
# Those that begin with anything come after those that say more.
SENTENCES = (*AGAIN, *WHO, *POSSIBLE, *WHEN, *FORM[1:], FORM[0], *WHAT_ABOUT, *REQUESTS)
