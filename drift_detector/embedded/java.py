"""Finds Java and Maven on this machine, and fetches the jars of Apache Kafka with them."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from drift_detector.embedded.server import StartError

OLDEST_JAVA = 17
RECIPE = Path(__file__).with_name("apache_kafka_jars")
TOOLS = Path(__file__).resolve().parents[2] / ".tools"
FETCH_SECONDS = 600
VERSION = re.compile(r'version "(\d+)')
NEEDED = f"KAFKA=apache needs Java {OLDEST_JAVA} or newer and Maven"


def fetch_kafka() -> int:
    """Fetch Apache Kafka if Java and Maven are here; say what is missing otherwise.

    Returns:
        An exit code: 0 if Apache Kafka can be started.
    """
    try:
        java_program()
        kafka_jars()
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def java_program() -> Path:
    """The `java` of JAVA_HOME, else the one on the PATH.

    Raises:
        StartError: If there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise StartError(f"{NEEDED}; there is no `java` here. KAFKA=tansu needs neither.")
    if (version := _major_version(found)) < OLDEST_JAVA:
        raise StartError(f"{NEEDED}; {found} is Java {version}. KAFKA=tansu needs neither.")
    return Path(found)


def kafka_jars(tools: Path = TOOLS) -> Path:
    """The folder with the jars of Apache Kafka; the first call fetches them with Maven.

    Args:
        tools: The folder that keeps them. A folder in it is named by the hashes of the jars.

    Raises:
        StartError: If Maven is missing or fails, or if a jar is not the one that `jars.sha256` names.
    """
    wanted = (RECIPE / "jars.sha256").read_text()
    folder = tools / f"apache-kafka-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    if not folder.exists():
        draft = tools / f"{folder.name}.{os.getpid()}"
        try:
            _fetch(draft)
            _check(draft, wanted)
            _keep(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise StartError(f"{NEEDED}; there is no `mvn` here. KAFKA=tansu needs neither.")
    recipe = str(RECIPE / "pom.xml")
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", recipe]
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    done = subprocess.run(  # noqa: S603
        [*command, *goal], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
    )
    if done.returncode:
        raise StartError(f"Maven could not fetch Apache Kafka:\n{done.stdout.strip()[-2000:]}")


def _check(folder: Path, wanted: str) -> None:
    found = "".join(f"{_sha256(jar)}  {jar.name}\n" for jar in sorted(folder.glob("*.jar")))
    if sorted(found.splitlines()) != sorted(wanted.splitlines()):
        strange = sorted(set(found.splitlines()) ^ set(wanted.splitlines()))
        raise StartError(f"Maven fetched other jars of Apache Kafka than expected: {strange}")


def _keep(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # Another launcher has fetched the same jars meanwhile.
        if not folder.exists():
            raise


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _major_version(java: str) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    match = VERSION.search(said)
    return int(match[1]) if match else 0
