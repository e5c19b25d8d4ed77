#!/usr/bin/env bash
# Makes .venv with Python 3.11 and installs requirements-dev.txt again whenever it changed.
set -euo pipefail
cd "$(dirname "$0")/.."
refuse() { echo "$*" >&2; exit 1; }

for folder in . .run; do
    { mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ]; } ||
        refuse "$(id -un) cannot write into $PWD/$folder: change its owner, or remove it if it is .run."
done
exec 9>.run/venv.lock
if command -v flock >/dev/null; then flock 9; fi

stamp="$(cat requirements.txt requirements-dev.txt | sha256sum) $PWD"
if [ "$(cat .venv/stamp 2>/dev/null)" = "$stamp" ] && .venv/bin/python -c '' 2>/dev/null; then exit 0; fi

python=""
for candidate in python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || refuse "Python 3.11 is missing: install it (Debian: apt-get install python3.11 python3.11-venv) and run make again."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    refuse "$python cannot make virtual environments: install its venv package (Debian: apt-get install python3.11-venv) and run make again."

echo "Installing requirements-dev.txt into .venv (once, about a minute) …"
"$python" -m venv --clear .venv || refuse "$python could not make .venv (see above)."
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt ||
    refuse "The packages could not be installed (see above): check the network and run make again."
echo "$stamp" >.venv/stamp
