"""Does another version of a model treat some people worse? Two records of the same samples.

The reference is the version before (floating point, a workstation, the last release); the record
is the one after (8-bit integers, a board, this release). Every difference is paired: it is taken
row by row. Positive means worse.
"""

from frugalbench.metrics.drift.answers import *  # noqa: F403
from frugalbench.metrics.drift.disparities import *  # noqa: F403
from frugalbench.metrics.drift.errors import *  # noqa: F403
from frugalbench.metrics.drift.groups import *  # noqa: F403
from frugalbench.metrics.drift.outputs import *  # noqa: F403
