"""`frugalbench export`."""

from pathlib import Path

import click

from frugalbench.commands._words import HYDRA_WORDS

__all__ = ["export"]


@click.command(context_settings=HYDRA_WORDS)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[MODEL] [KEY=VALUE]...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The ONNX file to write.",
)
def export(words: tuple[str, ...], out: Path) -> None:
    """Write a torch model as an ONNX file, and check that both answer alike.

    MODEL is the file of its weights (.pt or .safetensors); without it the weights are those that
    model.factory builds. The batch of the file is free. Random rows in batches of several sizes
    are answered by both; where they differ, no file is left.

    \b
    Examples:
      frugalbench export ./weights.safetensors model.factory=mylab.nets:make \\
          'model.shape=[3,32,32]' --out mine.onnx
      frugalbench export model.factory=mylab.nets:make 'model.shape=[12]' --out mine.onnx
    """
    from frugalbench import config, models
    from frugalbench.errors import UsageError

    if out.suffix.lower() != ".onnx":
        raise UsageError(f"--out {out} does not end in .onnx: name the file so")
    if out.exists() or out.is_symlink():
        raise UsageError(f"{out} is there already: give another --out, or move it away")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}: make it, or give another --out")
    if words and "=" not in words[0] and not words[0].startswith("-"):
        words = (f"model={words[0]}", *words[1:])
    made = models.export(config.load_spec(*words).model, out)
    batches = ", ".join(map(str, made.batches[:-1])) + f" and {made.batches[-1]}"
    click.echo(
        f"{out}: outputs {', '.join(made.names)}; {made.rows} random rows in batches of {batches} "
        f"answered like torch (largest difference {made.furthest:.2g})"
    )
