"""`make clean`: deletes the embedded servers of this checkout with their data, unless they are in use."""

import shutil
import sys

from dev import servers
from dev.places import Unusable, home


def main() -> None:
    try:
        folder = home()
    except Unusable as refusal:
        sys.exit(str(refusal))
    if used := servers.in_use():
        sys.exit(f"Still in use: {', '.join(used)}. Stop `make run` and the tests first.")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
