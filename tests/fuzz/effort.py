"""How hard to try: FUZZ_EXAMPLES examples in all, shared out among the tests by their weight.

Few of them (`make test`) are the same in every run, so that a run never fails by chance; many (`make fuzz`) are
random, and their seed is printed.
"""

import os
from collections import Counter

from hypothesis import HealthCheck, settings

TOTAL = int(os.environ.get("FUZZ_EXAMPLES", "500"))
RANDOM = TOTAL > 500
tried: Counter[str] = Counter()  # examples by test, for the summary


def share(percent: float) -> settings:
    """Settings for a test that gets this part of all examples, one at least."""
    return settings(
        max_examples=max(1, round(TOTAL * percent / 100)),
        derandomize=not RANDOM,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
