#!/bin/sh
# Install bubblewrap, Chromium and PostgreSQL where this system lets us, and say clearly where it does not. Never fails: all are
# optional.
# Usage: system.sh PYTHON, the Python of the virtual environment.
python=$1

have_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome || "$python" -c '
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(not os.path.exists(p.chromium.executable_path))'; }

have_postgresql() { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

wanted=
command -v bwrap >/dev/null 2>&1 || wanted="$wanted bubblewrap"
have_chromium >/dev/null 2>&1 || wanted="$wanted chromium"
have_postgresql >/dev/null 2>&1 || wanted="$wanted postgresql"

if [ -n "$wanted" ] && command -v apt-get >/dev/null 2>&1 && as_root true 2>/dev/null; then
    echo "Installing$wanted from the system's packages …"
    { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $wanted; } >/dev/null 2>&1
fi

if ! have_chromium >/dev/null 2>&1; then
    echo "Fetching Chromium through Playwright …"
    "$python" -m playwright install chromium >/dev/null 2>&1
fi

command -v bwrap >/dev/null 2>&1 ||
    echo "NOTE: bubblewrap is not here and could not be installed. Grading then refuses to run submissions, unless told --no-sandbox; cure: install the package bubblewrap (Linux only)."
have_chromium >/dev/null 2>&1 ||
    echo "NOTE: Chromium is not here and could not be installed. Browser tests are skipped; cure: install chromium, or run: $python -m playwright install chromium"
have_postgresql >/dev/null 2>&1 ||
    echo "NOTE: PostgreSQL is not here and could not be installed. Tests of a gradebook in PostgreSQL are skipped; cure: install the package postgresql."
exit 0
