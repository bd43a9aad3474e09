"""GPUs and other providers: what is told of them, and how that reads in French."""

from frugalbench.record import Gpu, Record
from frugalbench.report._format import Lang, clean, plain

__all__ = ["DEVICES", "gpus", "knobs"]

N = r"([\d,]+)"
DEVICES = (
    (
        rf"{N} of {N} nodes run on the CPU (\([^()]*\)), as target\.strict=false allows",
        "nœuds exécutés sur le processeur : {} sur {} {}, comme target.strict=false le permet",
    ),
    (
        r"which nodes ran on the CPU is not known: onnxruntime says it from version 1\.24 on",
        "les nœuds exécutés sur le processeur ne sont pas connus : onnxruntime les indique à "
        "partir de la version 1.24",
    ),
    (r"1 other process was on the GPU", "un autre processus était sur le GPU"),
    (rf"{N} other processes were on the GPU", "{} autres processus étaient sur le GPU"),
    (
        r"(.+) while calls were timed: end what computes there, or allow it with "
        r"target\.allow_shared_gpu=true",
        "{} pendant le chronométrage : arrêter ce qui y calcule, ou l’autoriser avec "
        "target.allow_shared_gpu=true",
    ),
    (r"the GPU was throttled (.+)", "le GPU a été bridé {}"),
    (r"(by .+) and (by .+)", "{} et {}"),
    (r"by the hardware", "par le matériel"),
    (r"by heat", "par la chaleur"),
    (r"by a power brake", "par un frein de puissance"),
    (
        rf"the GPU could not correct {N} memory errors",
        "le GPU n’a pas pu corriger {} erreurs de mémoire",
    ),
    (
        r"of (\d+) visible GPUs the first, (\S+), computes; the others are shown",
        "des {} GPU visibles le premier, {}, calcule ; les autres sont affichés",
    ),
    (
        r"of (\d+) visible GPUs number (\d+), (\S+), computes; the others are "
        r"shown",
        "des {} GPU visibles le numéro {}, {}, calcule ; les autres sont affichés",
    ),
    (
        r"NVML counts the energy of the whole GPU (\S+), of which (\S+) is a part",
        "NVML compte l’énergie du GPU entier {}, dont {} est une partie",
    ),
    (
        r"NVML counts the energy of the whole GPU (\S+), which is divided by MIG",
        "NVML compte l’énergie du GPU entier {}, que MIG divise",
    ),
)


def knobs(record: Record) -> tuple[str, ...]:
    """The settings of a target's provider that decide what was timed, as they are written."""
    target, run = record.spec.target, record.run
    found = [f"{key}={text}" for key, text in (run.provider_options if run else {}).items()]
    told = ("compile", "channels_last", "cuda_graph", "deterministic")
    found += [name for name in told if getattr(target, name)]
    found += ["strict=false"] * (not target.strict)
    found += ["allow_shared_gpu=true"] * target.allow_shared_gpu
    return tuple(clean(one, 60) for one in found)


def gpus(record: Record, lang: Lang) -> str:
    """The GPUs of the first process, as their driver showed them; empty where none was seen."""
    first = record.run.processes[0].gpus if record.run else ()
    return "; ".join(_gpu(one, lang) for one in first)


def _gpu(gpu: Gpu, lang: Lang) -> str:
    driver = "pilote" if lang == "fr" else "driver"
    parts = [clean(gpu.name, 60), f"{driver} {clean(gpu.driver, 40)}"]
    if gpu.clock_low is not None and gpu.clock_high is not None:
        span = [plain(round(x / 1e6), lang) for x in (gpu.clock_low, gpu.clock_high)]
        parts.append(f"{' – '.join(dict.fromkeys(span))} MHz")
    if gpu.temperature is not None:
        parts.append(f"{plain(gpu.temperature, lang)} °C")
    if gpu.power_limit is not None:
        parts.append(f"{'limite' if lang == 'fr' else 'limit'} {plain(gpu.power_limit, lang)} W")
    parts += ["MIG"] * (gpu.split is True)
    if gpu.ecc is not None:
        parts.append(f"ECC {_on(gpu.ecc, lang)}")
    parts += [clean(one, 40) for one in gpu.throttled or ()]
    return " · ".join(parts)


def _on(there: bool, lang: Lang) -> str:
    if lang == "fr":
        return "actif" if there else "inactif"
    return "on" if there else "off"
