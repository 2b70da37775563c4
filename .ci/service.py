"""Runs the built service on a private PostgreSQL with demo data in a temporary folder, for the other checks."""

import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/debug/sarcoscreen"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def installed(tools: pathlib.Path, versions: list[str], commands: list[list]) -> None:
    """Installs tools into a separate folder; reinstalls only when the list of versions changes."""
    mark = tools / "versions"
    if mark.exists() and mark.read_text() == "\n".join(versions):
        return
    tools.mkdir(parents=True, exist_ok=True)
    for command in commands:
        subprocess.run(command, check=True)
    mark.write_text("\n".join(versions))


def debian(*packages: str) -> None:
    """Installs packages of Debian. Checks run concurrently; another one may be installing packages too."""
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL, "check": True}
    # `apt-get update` does not wait for another one.
    with open(ROOT / "target/debian.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([*apt, "update"], **quiet)
        subprocess.run([*apt, "install", "-y", "--no-install-recommends", *packages], **quiet)


def wait_until_ready(base: str, service: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if service.poll() is not None:
            sys.exit("the service ended before it was ready")
        try:
            with urllib.request.urlopen(f"{base}/health/ready", timeout=2) as answer:
                if json.load(answer)["status"] == "ready":
                    return
        except OSError:
            # The service sends no event when it is ready, so it is polled.
            time.sleep(0.05)
    sys.exit("the service was not ready within 60 seconds")


@contextlib.contextmanager
def running(*, with_public_url: bool = False, **settings: str) -> Iterator[tuple[str, dict]]:
    """The base URL of a running service and the keys of its demo clinic. `with_public_url`: it is the public URL too."""
    base = f"http://127.0.0.1:{free_port()}"
    if with_public_url:
        settings["SARCOSCREEN_PUBLIC_URL"] = base
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        # Under root PostgreSQL runs as another account, which needs access to the folder.
        os.chmod(folder, 0o711)
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
            "SARCOSCREEN_DATA_DIR": f"{folder}/data",
            "SARCOSCREEN_LISTEN": base[len("http://"):],
            "SARCOSCREEN_LOG": "warn",
            **settings,
        }
        service = subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_until_ready(base, service)
            data = pathlib.Path(environment["SARCOSCREEN_DATA_DIR"])
            yield base, json.loads((data / "demo-credentials.json").read_text())
        finally:
            service.send_signal(signal.SIGINT)
            service.wait(30)
