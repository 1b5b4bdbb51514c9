"""What make install leaves: a tree that runs, with nothing but the edits that the example speaks of."""
import os
import re
import signal
import subprocess

import pytest

from certvendor_lab import (BINARY, FACTORY, LISTENERS, ROOT, SECRETS, VAR, clean_environment, end_process,
                            free_port, run, tail, wait_until)

EXIT_CONFIG = 78


def install(*variables):
    """As somebody with an umask that lets nobody else read."""
    lane = BINARY.parent.name
    assert BINARY == ROOT / "build" / lane / "certvendor", "only what make has built is installed"
    environment = clean_environment()
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"):
        environment.pop(name, None)
    subprocess.run(["make", f"LANE={lane}", *variables, "install"], cwd=ROOT, check=True, umask=0o077,
                   capture_output=True, env=environment, timeout=600)


def files_in(folder):
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", name="tree")
def fixture_tree():
    """Installed for good, below a prefix."""
    prefix = VAR / "installed"
    install(f"PREFIX={prefix}")
    return prefix


def test_a_staged_tree_is_the_installed_one(tree):
    stage = VAR / "stage"
    install(f"DESTDIR={stage}")
    assert [path.name for path in stage.iterdir()] == ["usr"]
    staged, installed = files_in(stage / "usr/local"), files_in(tree)
    assert set(staged) == set(installed)
    unit = staged["lib/systemd/system/certvendor.service"].read_text()
    assert unit == (ROOT / "deploy/certvendor.service").read_text()
    assert "ExecStart=/usr/local/bin/certvendor serve" in unit
    for name, path in staged.items():
        is_run = name == "bin/certvendor" or name.endswith(".sh")
        assert path.stat().st_mode & 0o777 == (0o755 if is_run else 0o644), name


def test_every_page_is_there(tree):
    documents = files_in(tree / "share/doc/certvendor")
    for name, path in files_in(ROOT / "docs").items():
        assert documents.pop(f"docs/{name}").read_bytes() == path.read_bytes()
    examples = {f"deploy/{name}" for name in files_in(ROOT / "deploy")
                if re.match(r"compose\.yaml|(compose|nginx|haproxy)/[^/]+$", name)}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "examples/certvendor.conf", *examples} == set(documents)
    pages = files_in(tree / "share/man")
    assert {"man1/certvendor.1", "man5/certvendor.conf.5"} == set(pages)
    for path in pages.values():
        assert path.read_bytes() == (ROOT / "docs/man" / path.name).read_bytes()


def test_every_link_leads_somewhere(tree):
    documents = tree / "share/doc/certvendor"
    links = [(page, target) for page in documents.rglob("*.md")
             for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())]
    assert len(links) > 20
    assert [(page, target) for page, target in links if not (page.parent / target).exists()] == []


def test_the_program_runs(tree):
    binary = tree / "bin/certvendor"
    assert run(binary, "version").stdout == run(BINARY, "version").stdout != ""
    assert run(binary, "nonsense", is_checked=False).returncode == 2


def test_the_unit_is_good(tree):
    unit = tree / "lib/systemd/system/certvendor.service"
    result = run("systemd-analyze", "verify", "--man=no", unit, is_checked=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    broken = VAR / "broken.service"
    broken.write_text(unit.read_text().replace("Type=notify", "Type=notifies").replace("/bin/", "/nib/"))
    assert run("systemd-analyze", "verify", "--man=no", broken, is_checked=False).returncode != 0
    # It names no file that is not there.
    for word in re.findall(r"^Exec\w+=(\S+)", unit.read_text(), re.MULTILINE):
        assert os.access(word, os.X_OK), word


def edited(tree, folder, postgres):
    """The example with its lines taken out of comments, and nothing else."""
    text = (tree / "share/doc/certvendor/examples/certvendor.conf").read_text()
    sections = re.split(r"(?m)^\[(\w+)\]\n", text)
    values = {("database", "url"): postgres.url("installed"), ("signer", "directory"): folder / "pki"}
    values.update({(listener, "listen"): f"127.0.0.1:{free_port()}" for listener in LISTENERS})
    for (section, name), value in values.items():
        at = sections.index(section) + 1
        sections[at], count = re.subn(rf"(?m)^#?{name} = .*$", f"{name} = {value}", sections[at])
        assert count == 1, (section, name)
    path = folder / "certvendor.conf"
    path.write_text(sections[0] + "".join(
        f"[{section}]\n{body}" for section, body in zip(sections[1::2], sections[2::2])))
    return path


def test_the_example_goes_into_service(tree, postgres):
    """check-config, migrate, init, serve: the way of docs/operations.md."""
    folder = VAR / "service"
    folder.mkdir()
    config = edited(tree, folder, postgres)
    postgres.create_database("installed")
    program = tree / "bin/certvendor"

    def certvendor(*words, **more):
        return run(program, "--config", config, *words, **more)

    # Before there are keys it says so, and that is all that it says.
    result = certvendor("check-config", is_checked=False)
    assert result.returncode == EXIT_CONFIG
    *problems, _ = result.stderr.splitlines()
    assert problems and all(str(folder / "pki") in line for line in problems), result.stderr
    certvendor("migrate")
    certvendor("init", "--factory", FACTORY, "--announce", "explicit", "--token-file", folder / "admin.token")
    SECRETS.update((folder / "admin.token").read_text().split())
    SECRETS.update((folder / "pki/signer.passphrase").read_text().split())
    assert certvendor("check-config").stdout == "configuration is good\n"
    # One wrong edit is found.
    wrong = folder / "wrong.conf"
    wrong.write_text(config.read_text().replace("#pool_size = 20", "pool_size = 2"))
    result = run(program, "--config", wrong, "check-config", is_checked=False)
    assert result.returncode == EXIT_CONFIG and "pool_size" in result.stderr

    with open(folder / "service.log", "ab") as log:
        process = subprocess.Popen([program, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=clean_environment(CERTVENDOR_CONFIG=str(config)))
    try:
        wait_until(lambda: certvendor("healthcheck", is_checked=False).returncode == 0, "it is healthy")
    except AssertionError as error:
        raise AssertionError(tail(folder / "service.log")) from error
    finally:
        assert end_process(process, signal.SIGTERM) == 0
    assert certvendor("healthcheck", is_checked=False).returncode == 1
