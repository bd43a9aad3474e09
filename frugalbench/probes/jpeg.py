"""Images as a strong JPEG compression would leave them.

Each channel by itself is cut into blocks of 8×8, transformed (DCT-II), divided by the luminance
table of the JPEG standard (ITU-T T.81, Annex K, table K.1) scaled for a quality as the Independent
JPEG Group's library does, rounded, and put together again. There is no change of colour space and
no thinning of colour, so that it fits any number of channels. The severity is what the quality
lacks to 100.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frugalbench.probes._whole import Whole, back, images

__all__ = ["LEAST", "MOST", "SEVERITIES", "UNIT", "disturb", "unfit"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
UNIT = "100 - JPEG quality"
SEVERITIES = (50.0, 85.0)
LEAST, MOST = 0.0, 99.0
BLOCK = 8
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def unfit(whole: Whole) -> str:
    """Why an input cannot be disturbed so; empty when it can."""
    return images(whole)


def disturb(array: Array, severity: float, rng: np.random.Generator, whole: Whole) -> Array:
    """The images at a quality of 100 - `severity`."""
    spread = float(whole.spread[0])
    if severity == 0 or spread == 0:
        return array.copy()
    low = float(whole.low[0])
    pixels = array.astype(np.float64)
    if whole.layout == "NHWC":
        pixels = pixels.transpose(0, 3, 1, 2)
    coded = _quantised((pixels - low) / spread * 255 - 128, _table(100 - severity))
    pixels = (coded + 128) / 255 * spread + low
    return back(pixels.transpose(0, 2, 3, 1) if whole.layout == "NHWC" else pixels, whole)


def _table(quality: float) -> Floats:
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table: Floats = np.clip(np.floor((LUMINANCE * scale + 50) / 100), 1, 255)
    return table


def _quantised(pixels: Floats, table: Floats) -> Floats:
    """Pixels (n, channels, height, width) after the round trip through quantised blocks."""
    n, channels, height, width = pixels.shape
    down, right = -height % BLOCK, -width % BLOCK
    padded = np.pad(pixels, ((0, 0), (0, 0), (0, down), (0, right)), mode="edge")
    blocks = padded.reshape(n, channels, (height + down) // BLOCK, BLOCK, -1, BLOCK)
    blocks = blocks.transpose(0, 1, 2, 4, 3, 5)
    matrix = _dct()
    waves = np.rint(matrix @ blocks @ matrix.T / table) * table
    blocks = (matrix.T @ waves @ matrix).transpose(0, 1, 2, 4, 3, 5)
    return blocks.reshape(padded.shape)[:, :, :height, :width]


def _dct() -> Floats:
    """The orthonormal DCT-II of eight points, (8, 8)."""
    k, i = np.mgrid[:BLOCK, :BLOCK]
    matrix: Floats = np.cos(np.pi * (2 * i + 1) * k / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    matrix[0] = np.sqrt(1 / BLOCK)
    return matrix
