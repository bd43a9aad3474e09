"""How a model treats groups of people: rates, how far they lie apart, and individual fairness.

Names follow Fairlearn's where it has them.
"""

from frugalbench.metrics.fairness.coverage import *  # noqa: F403
from frugalbench.metrics.fairness.floors import *  # noqa: F403
from frugalbench.metrics.fairness.gaps import *  # noqa: F403
from frugalbench.metrics.fairness.individual import *  # noqa: F403
from frugalbench.metrics.fairness.rates import *  # noqa: F403
from frugalbench.metrics.fairness.ratios import *  # noqa: F403
from frugalbench.metrics.fairness.regression import *  # noqa: F403
from frugalbench.metrics.fairness.scores import *  # noqa: F403
