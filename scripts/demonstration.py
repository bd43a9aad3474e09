"""Write the README's section on the demonstration from the record kept in results/reference/.

Usage: python scripts/demonstration.py
"""

from pathlib import Path

from frugalbench.certify import Verdict, judge
from frugalbench.record import Record
from frugalbench.report._phrases import WORDS
from frugalbench.report._view import headline, rule_rows, tally
from frugalbench.settings import load_policy
from frugalbench.store import load

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RECORD = ROOT / "results" / "reference" / "demonstration"
START, END = "<!-- demonstration: written by scripts/demonstration.py -->\n", "<!-- end -->"


def section(record: Record, verdict: Verdict) -> str:
    """The table of the required rules, and on what and when it was measured."""
    word, sentence = headline(verdict, "en")
    lines = [
        f"Measured on {record.created[:10]} with plan `{record.spec.plan.name}` on "
        f"{record.host.cpu}, {record.host.logical_cores} logical cores"
        f"{', virtual machine' if record.host.virtualised else ''}, "
        f"onnxruntime {record.host.packages['onnxruntime']}; the record is in "
        "[results/reference](results/reference).",
        "",
        f"**{word}.** {sentence} {tally(verdict, 'en')}. The required rules:",
        "",
        "| verdict | rule | estimate | 95 % interval (†) | bound | n | how |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rule_rows(verdict, "en"):
        if not row.finding.rule.required:
            continue
        shown = row.shown
        cells = (
            row.word,
            f"`{row.address}`",
            shown.number if shown else "–",
            shown.interval if shown and not shown.exact else "–",
            row.bound,
            row.n or "–",
            row.method or "–",
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", WORDS["en"].one_sided]
    return "\n".join(lines) + "\n"


def written(readme: str, text: str) -> str:
    """The README with the section between its marks replaced."""
    before, _, rest = readme.partition(START)
    return before + START + text + END + rest.partition(END)[2]


def current() -> str:
    """The section, from the stored record judged again."""
    record = load(RECORD)
    return section(record, judge(record, load_policy("frugal-and-trustworthy")))


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8"), current()), encoding="utf-8")
