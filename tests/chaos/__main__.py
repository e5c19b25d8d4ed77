"""`make chaos`: whole runs, one seed after the other."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos import plan
from tests.chaos.run import chaos, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1, 2, 3], help="a run each: what a seed did it does again"
    )
    parser.add_argument("--deposits", type=int, default=1000, help="people who pay into their wallet")
    parser.add_argument("--sessions", type=int, default=300, help="people who pay for a session")
    parser.add_argument("--misfortunes", type=int, default=27, help="kills, freezes and faults of M-Pesa meanwhile")
    asked = parser.parse_args()
    good = True
    for seed in asked.seeds:
        made = plan.make(seed=seed, deposits=asked.deposits, sessions=asked.sessions, misfortunes=asked.misfortunes)
        folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
        report = chaos(made, folder)
        print(table(report), flush=True)
        if not report.good:
            print(f"  the logs are in {folder}; once more: make chaos ARGS='--seeds {seed}'", flush=True)
        good = good and report.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
