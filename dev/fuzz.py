"""`make fuzz`: the tests of tests/fuzz with many random examples. EXAMPLES=10000 in all; SEED=… repeats a run."""

import os
import random
import subprocess
import sys

from dev.places import CHECKOUT

_WORKERS = 2  # each brings a Redis and a database


def main() -> None:
    examples = os.environ.get("EXAMPLES", "10000")
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(2**32))
    print(f"{examples} examples; SEED={seed} make fuzz repeats this run", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(_WORKERS), f"--hypothesis-seed={seed}", "tests/fuzz"]
    environment = {**os.environ, "FUZZ_EXAMPLES": examples}
    sys.exit(subprocess.run([*command, *sys.argv[1:]], cwd=CHECKOUT, env=environment).returncode)


if __name__ == "__main__":
    main()
