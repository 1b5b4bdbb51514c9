import contextlib
import fcntl
import itertools
import pathlib
import shutil
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "support")]

import est_lab as est_profile  # noqa: E402
from certvendor_lab import BINARY, VAR, CommitStopper, Lab, Postgres, tail  # noqa: E402

EST_RESULTS = pytest.StashKey()
LABS = pytest.StashKey()
LOCK = pytest.StashKey()
NUMBERS = itertools.count(1)


def pytest_configure(config):
    """One suite at a time; the logs of the last run stay until the next begins."""
    VAR.parent.mkdir(exist_ok=True)
    lock = open(VAR.parent / "e2e.lock", "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pytest.exit(f"another run of these tests holds {lock.name}", returncode=1)
    config.stash[LOCK] = lock
    config.stash[LABS] = []
    config.stash[EST_RESULTS] = []
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing; build it with make", returncode=1)
    shutil.rmtree(VAR, ignore_errors=True)
    VAR.mkdir(mode=0o755, exist_ok=True)


def pytest_collection_modifyitems(items):
    """What looks at every log comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows what the servers said."""
    report = (yield).get_result()
    if report.when == "call" or not report.passed:
        item.config.stash[EST_RESULTS] += [
            (row, item.name, report.outcome) for row in est_profile.rows_of(item)]
    if not report.failed:
        return
    for lab in item.config.stash[LABS]:
        report.sections.append((f"the end of {lab.log}", tail(lab.log)))
        if lab.nginx is not None:
            report.sections.append((f"the end of {lab.nginx_log}", tail(lab.nginx_log)))


def pytest_sessionfinish(session):
    """Each row of the EST profile with the tests that are about it."""
    if session.config.stash[EST_RESULTS]:
        est_profile.write_table(session.config.stash[EST_RESULTS])


@pytest.fixture(scope="session")
def postgres():
    server = Postgres("pg")
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def lab(postgres, request):
    """The server of most tests, with a gateway that has every source, and nginx."""
    shared = Lab("shared", postgres)
    request.config.stash[LABS].append(shared)
    try:
        shared.prepare().start()
        shared.gateway = shared.add_gateway()
        shared.start_nginx()
        yield shared
    finally:
        shared.close()
        request.config.stash[LABS].remove(shared)


@pytest.fixture(scope="session")
def est_lab(postgres, request):
    """A server with many labels."""
    shared = est_profile.make_lab(postgres)
    request.config.stash[LABS].append(shared)
    try:
        yield shared
    finally:
        shared.close()
        request.config.stash[LABS].remove(shared)


@pytest.fixture(scope="session")
def rollover(postgres, request):
    """A server with an old and a new root, and each certified by the other."""
    shared = est_profile.Rollover(postgres).begin()
    request.config.stash[LABS].append(shared.lab)
    try:
        yield shared
    finally:
        shared.lab.close()
        request.config.stash[LABS].remove(shared.lab)


def lab_maker(postgres, request):
    """Makes servers of one test or module; what runs at its end must end well."""
    made = []

    def make(database_server=None, beside=None, **options):
        name = request.node.name.removeprefix("test_").removesuffix(".py")
        name = name.replace("[", "-").rstrip("]").replace("_", "-")
        server = database_server or (beside.postgres if beside else postgres)
        own = Lab(f"{name[:24]}-{next(NUMBERS)}", server, **options)
        made.append(own)
        request.config.stash[LABS].append(own)
        return own.join(beside) if beside else own.prepare()

    yield make
    for own in made:
        request.config.stash[LABS].remove(own)
    for own in made:
        own.close()


@pytest.fixture
def make_lab(postgres, request):
    """Servers of one test's own, for what kills, stops or configures them."""
    yield from lab_maker(postgres, request)


@pytest.fixture(scope="module")
def make_module_lab(postgres, request):
    """The same for a whole module."""
    yield from lab_maker(postgres, request)


@pytest.fixture
def make_stopper():
    """Named before make_lab: the servers end first."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(contextlib.closing(CommitStopper(server)))


@pytest.fixture
def own_postgres(request):
    """A PostgreSQL that the test may stop."""
    server = Postgres(f"pg-{request.node.name.removeprefix('test_')[:12]}")
    server.start()
    yield server
    server.remove()
