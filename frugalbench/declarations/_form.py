"""The questionnaire as a file to fill in."""

import textwrap

from frugalbench.declarations._asked import Lang, questionnaire

__all__ = ["empty"]

HEAD: dict[Lang, tuple[str, ...]] = {
    "en": (
        "Write each answer under its question, in lines that begin with four spaces, or write "
        "not_answered there. What you write is declared, not measured: it changes no verdict, it "
        "is shown apart from the measures, and it is signed with the certificate.",
        "The model or the system that the answers are about.",
        "Who answers: the organisation, and your role in it. No name is needed.",
        "The day of the answers, such as 2026-03-01.",
    ),
    "fr": (
        "Écrivez chaque réponse sous sa question, en lignes qui commencent par quatre espaces, ou "
        "écrivez-y not_answered pour ne pas répondre. Ce que vous écrivez est déclaré, et non "
        "mesuré : cela ne change aucun verdict, figure à part des mesures, et est signé avec le "
        "certificat.",
        "Le modèle ou le système dont parlent les réponses.",
        "Qui répond : l'organisation, et votre rôle en son sein. Aucun nom n'est nécessaire.",
        "Le jour des réponses, tel que 2026-03-01.",
    ),
}


def empty(lang: Lang = "en") -> str:
    """The questionnaire to fill in, as YAML, in English or French."""
    asked = questionnaire()
    how, about, who, day = (_comment(text) for text in HEAD[lang])
    lines = [*how, f"questionnaire: {asked.name}", f'version: "{asked.version}"', f"lang: {lang}"]
    lines += ["", *about, "about: >-", "", "", *who, "declared_by:", "  organisation: >-", ""]
    lines += ["  role: >-", "", *day, "date:", "", "answers:"]
    for topic in asked.topics:
        lines += ["", f"  # — {topic.title if lang == 'en' else topic.titre} —"]
        for one in asked.questions:
            if one.topic == topic.id:
                text = one.ask if lang == "en" else one.demande
                lines += ["", *_comment(text, "  "), f"  {one.id}: >-", ""]
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str = "") -> list[str]:
    start = f"{indent}# "
    return textwrap.wrap(
        text, 92, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )
