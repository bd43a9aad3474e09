"""`frugalbench prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from frugalbench.errors import UsageError

if TYPE_CHECKING:
    from frugalbench.variants import How

__all__ = ["prepare"]


@click.command()
@click.argument("model")
@click.argument("words", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--ort", is_flag=True, help="Write it in the ORT format.")
@click.option("--int8-dynamic", is_flag=True, help="8-bit weights; scales found as it runs.")
@click.option("--int8-static", is_flag=True, help="8-bit all through; scales found on data=….")
@click.option("--rows", type=int, default=512, metavar="N", help="Rows to find scales on (512).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("variants"),
    metavar="FOLDER",
    help="Write into this folder (variants).",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def prepare(
    model: str,
    words: tuple[str, ...],
    ort: bool,
    int8_dynamic: bool,
    int8_static: bool,
    rows: int,
    out: Path,
    as_json: bool,
) -> None:
    """Make a variant of MODEL for a small machine; a JSON beside it names its parent.

    MODEL is a file or the name of a shipped model. Scales of --int8-static are found on rows that
    the data declare the model was trained on, never on tested ones. Nothing is overwritten.

    \b
    Examples:
      frugalbench prepare ./mine.onnx --ort
      frugalbench prepare adult-mlp --int8-dynamic --out variants
      frugalbench prepare adult-mlp --int8-static data=adult --rows 1000
    """
    asked: dict[How, bool] = {
        "ort": ort,
        "int8_dynamic": int8_dynamic,
        "int8_static": int8_static,
    }
    chosen = [how for how, given in asked.items() if given]
    if len(chosen) != 1:
        raise UsageError("say what to make: one of --ort, --int8-dynamic and --int8-static")
    import msgspec

    from frugalbench import config, variants

    spec = config.load_spec(f"model={model}", *words)
    path, made = variants.make_variant(spec, chosen[0], out, rows)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(
        f"{path}  {made.bytes:,} bytes, {made.bytes / made.parent_bytes:.0%} of its parent's\n"
        f"sha256  {made.sha256}\nparent  {made.variant.parent}"
    )
    if (calibration := made.variant.calibration) is not None:
        click.echo(f"scales  found on {calibration.rows:,} training rows")
