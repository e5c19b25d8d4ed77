"""A Chromium for the browser tests and the screenshots: the system's, else Debian's package, else Playwright's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from dev.places import Unusable

# Quiet and local: no updates, no synchronisation, nothing but the pages asked for; and no processor time for what nobody
# sees: a whole Chromium without a screen still draws the menus of each window, and keeps a process ready for the next page.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--no-first-run",
    # takes the place of Playwright's own list, so what matters of that is here again
    "--disable-features=AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,MediaRouter,"
    "NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,WebUIOmniboxPopup,"
    "WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,PreloadTopChromeWebUI,SpareRendererForSitePerProcess",
]  # fmt: skip
# Debian's package of the browser without any window (the first) costs a third of the processor time of the whole one.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """The path for Playwright's `executable_path`: None means Playwright's own download."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def ensure() -> None:
    """Install one where there is none. Raises Unusable."""
    if executable() or _own_download():
        return
    if os.geteuid() == 0 and shutil.which("apt-get") and _quietly("apt-get", "update") and _apt_install():
        return
    if _quietly(sys.executable, "-m", "playwright", "install", "chromium") and _own_download():
        return
    raise Unusable(
        "The browser tests need Chromium, which could not be installed: install it (Debian: apt-get install"
        " chromium-headless-shell) and try again, or leave those tests out: make test BROWSER=no"
    )


def _own_download() -> bool:
    try:
        with sync_playwright() as playwright:
            return Path(playwright.chromium.executable_path).exists()
    except Error:
        return False


def _apt_install() -> bool:
    print("Installing Debian's Chromium for the browser tests (once) …", flush=True)
    install = ["apt-get", "install", "-y", "--no-install-recommends"]
    return any(_quietly(*install, name) for name in _NAMES[:2]) and bool(executable())


def _quietly(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0
