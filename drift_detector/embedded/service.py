"""`run`: the whole service on this machine, with its state kept in one folder."""

import json
import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path

from drift_detector.embedded import interrupts, terminal, welcome
from drift_detector.embedded.leftovers import MARKER, end_leftovers
from drift_detector.embedded.placement import home_of
from drift_detector.embedded.processes import (
    Process,
    exported_environment,
    manage,
    metrics_ports,
    service_processes,
    with_metrics,
)
from drift_detector.embedded.server import StartError
from drift_detector.embedded.stack import Role, Stack
from drift_detector.embedded.state import LOOPBACK, AlreadyRunning, State, is_free
from drift_detector.embedded.steps import StepFailed, run_step
from drift_detector.embedded.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
STATE_FOLDER = ROOT / ".state"
PREFIX = "AUMOS_DRIFT_"
ALLOWED_ROOTS = f"{PREFIX}DATA__ALLOWED_ROOTS"
METRICS_PORT = f"{PREFIX}METRICS__PORT"
PREPARED_FROM = (
    "requirements-dev.txt",
    "*/migrations/*.py",
    "drift_detector/*/migrations/*.py",
    "drift_detector/*/static/**/*",
    "algorithms/charts/css/*.css",
)


class Service:
    """One start of the service: its servers, the steps before it, and its processes."""

    def __init__(self, state: State, *, root: Path, port: int) -> None:
        """Choose what `run` will start.

        Args:
            state: Where everything is kept.
            root: The folder with `manage.py`.
            port: Where the web process listens, on the loopback address.
        """
        self.state = state
        self.root = root
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.demo_file = state.folder / "demo.env"
        self.stack = Stack.create(state, durable=True)

    def run(self, processes: Sequence[Process], prepare: "Prepare") -> int:
        """Start the servers, prepare, and run the processes until a signal or until one of them ends.

        Returns:
            0 when asked to stop, or the exit code of the process that ended by itself.
        """
        with self.stack.running(terminal.say):
            self._write_settings()
            prepare(self)
            supervisor = self._supervisor(processes)
            code = supervisor.run()
            for name in supervisor.ended_first:
                terminal.complain(f"{name} ended by itself, so everything was stopped.")
            return code

    def _supervisor(self, processes: Sequence[Process]) -> Supervisor:
        metrics = metrics_ports(processes)
        greet = partial(welcome.greet, url=self.url, demo_file=self.demo_file, metrics=metrics)
        supervisor = Supervisor(is_ready=partial(welcome.answers, self.url), greet=greet)
        for process in processes:
            self._add(supervisor, process)
        return supervisor

    def _add(self, supervisor: Supervisor, process: Process) -> None:
        command = f"exec {shlex.join(process.command)}"
        environment = self._process_environment(process)
        supervisor.add_process(process.name, command, env=environment, cwd=str(self.root))

    def _process_environment(self, process: Process) -> dict[str, str]:
        environment = self.environment(process.role)
        if process.metrics_port is not None:
            environment[METRICS_PORT] = str(process.metrics_port)
        return environment

    def _write_settings(self) -> None:
        """Write the settings with which `manage.py` reaches the servers, readable by this user only."""
        environment = sorted(self.environment("commands").items())
        settings = [(name, value) for name, value in environment if name.startswith(PREFIX)]
        file = self.state.folder / "service.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in settings))

    @property
    def data_folder(self) -> Path:
        """The folder of the demo's data, in which people can put their own, too."""
        return self.state.folder / "data"

    def environment(self, role: Role) -> dict[str, str]:
        """The environment of a process; exported settings win, except for the addresses of servers.

        The demo's folder is added to an exported AUMOS_DRIFT_DATA__ALLOWED_ROOTS. An exported
        AUMOS_DRIFT_DATABASE__URL, …_REDIS__URL or …_KAFKA__BOOTSTRAP_SERVERS has no effect, because
        the launcher starts its own servers.
        """
        return self._defaults() | exported_environment() | self.stack.settings(role) | self._fixed()

    def _defaults(self) -> dict[str, str]:
        return {
            "AUMOS_DRIFT_SECRET_KEY": self.state.secret("secret_key"),
            "AUMOS_DRIFT_ENCRYPTION__KEY": self.state.secret("encryption_key"),
            # The password that is printed is enough, on the loopback address.
            "AUMOS_DRIFT_SIGN_IN__SECOND_FACTOR": "nobody",
            "AUMOS_DRIFT_PUBLIC_URL": self.url,
            # Receivers on this machine, for people who try out a webhook.
            "AUMOS_DRIFT_NOTIFIER__ALLOWED_HOSTS": json.dumps([LOOPBACK, "localhost"]),
            "AUMOS_DRIFT_ALLOWED_HOSTS": json.dumps([LOOPBACK, "localhost"]),
            "AUMOS_DRIFT_STATIC_ROOT": str(self.state.folder / "static"),
            "AUMOS_DRIFT_LOG__FORMAT": "console",
        }

    def _fixed(self) -> dict[str, str]:
        return {
            ALLOWED_ROOTS: with_root(os.environ.get(ALLOWED_ROOTS, "[]"), self.data_folder),
            "PYTHONUNBUFFERED": "1",
            MARKER: str(self.state.folder),
        }


def with_root(roots: str, folder: Path) -> str:
    """Add a folder to a JSON list; a text that is no list stays, and the settings refuse it."""
    try:
        listed = json.loads(roots)
    except ValueError:
        return roots
    return json.dumps([*listed, str(folder)]) if isinstance(listed, list) else roots


type Prepare = Callable[[Service], None]


def prepare_database_and_demo(service: Service) -> None:
    """Migrate and collect static files if they changed, and create what is missing of the demo.

    Raises:
        StepFailed: If a command fails.
    """
    stamp, wanted = service.state.folder / "prepared", _fingerprint(service.root)
    if not stamp.exists() or stamp.read_text() != wanted:
        _prepare_database(service)
        stamp.write_text(wanted)
    _seed_demo(service)


def _fingerprint(root: Path) -> str:
    """A hash of what database and static files are made from: packages, migrations and our own files."""
    found = [path for pattern in PREPARED_FROM for path in root.glob(pattern) if path.is_file()]
    return sha256(b"\0".join(path.read_bytes() for path in sorted(found))).hexdigest()


def _prepare_database(service: Service) -> None:
    commands: dict[Role, list[str]] = {
        "owner": manage("migrate", "--noinput"),
        "app": manage("collectstatic", "--noinput", "-v0"),
    }
    with terminal.progress("Database migrations and static files"), ThreadPoolExecutor(2) as pool:
        steps = [
            pool.submit(run_step, command, cwd=service.root, environment=service.environment(role))
            for role, command in commands.items()
        ]
        for step in steps:
            step.result()


def _seed_demo(service: Service) -> None:
    terminal.say("Demo data …")
    where = ["--env-file", str(service.demo_file), "--data-dir", str(service.data_folder)]
    seed = manage("seed_demo", "--base-url", service.url, *where)
    run_step(seed, cwd=service.root, environment=service.environment("commands"), shown=True)


def run() -> int:
    """Run the service until Ctrl-C or SIGTERM, with `PORT`, `WORKERS` and `METRICS_PORT`."""
    try:
        port, workers = _number("PORT", 8000), _number("WORKERS", 1)
        metrics_port = _number("METRICS_PORT", 1) if os.environ.get("METRICS_PORT") else None
    except ValueError as error:
        terminal.complain(str(error))
        return 1
    processes = service_processes(port=port, workers=workers)
    if metrics_port is not None:
        processes = with_metrics(processes, first_port=metrics_port)
    return serve(
        STATE_FOLDER, root=ROOT, port=port, processes=processes, prepare=prepare_database_and_demo
    )


def serve(
    folder: Path, *, root: Path, port: int, processes: Sequence[Process], prepare: Prepare
) -> int:
    """Run a service on a state folder of its own; an error is one sentence on the terminal."""
    interrupts.catch()
    try:
        state = State(folder)
        with state.locked():
            if not _is_clear(state, port):
                return 1
            return Service(state, root=root, port=port).run(processes, prepare)
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    except (AlreadyRunning, StartError, StepFailed) as error:
        terminal.complain(str(error))
        return 1


def _is_clear(state: State, port: int) -> bool:
    """End what an earlier start left behind; False if another program has the port."""
    if left := end_leftovers(state.folder):
        terminal.say(f"Ended {left} processes of an earlier start that was killed")
    if is_free(port):
        return True
    terminal.complain(f"Port {port} is taken: choose another with `make run PORT=…`.")
    return False


def clean(folder: Path = STATE_FOLDER) -> int:
    """Remove the state folder, and PostgreSQL's data where they are kept outside it."""
    if not folder.exists():
        return 0
    state = State(folder)
    try:
        with state.locked():
            end_leftovers(state.folder)
            shutil.rmtree(home_of(state.folder), ignore_errors=True)
            shutil.rmtree(state.folder)
    except AlreadyRunning as error:
        terminal.complain(str(error))
        return 1
    return 0


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"{variable} is {text!r}, but must be a number from 1 to 65535.")
    return int(text)
