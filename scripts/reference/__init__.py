"""How the reference workloads are made: raw tables to data sets, data sets to models, with cards.

For the data: `carriers` (where the raw tables come from), `tables` (what a prepared table is),
`nhanes`, `adult` and `german` (one data set each), `parquet` and `data_cards`. For the models:
`datasets` (reading them back), `logreg`, `mlp`, `network` (the ONNX form), `quantise`, `measures`
and `model_cards`.
"""

import hashlib
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "frugalbench" / "reference"
SEED = 20180101


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
