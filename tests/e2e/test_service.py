"""The program itself: configuration, start, stop, init, monitoring, and what the logs hold."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest

from certvendor_lab import (BINARY, EST, FACTORY, ROOT, SECRETS, VAR, Key, Lab, basic, clean_environment, end_process,
                            free_port, pem_request, port_answers, run, wait_until)

import find_secrets

EXIT_CONFIG = 78


# ---- Configuration -----------------------------------------------------------------------------


def check_config(lab, text):
    path = lab.folder / "checked.conf"
    path.write_text(text)
    return path, run(BINARY, "--config", path, "check-config", is_checked=False)


def test_a_good_configuration(lab):
    result = lab.program("check-config")
    assert result.stdout == "configuration is good\n"


@pytest.mark.parametrize("section,line,word", [
    ("server", "workers = many", "workers"), ("server", "workers = 0", "workers"),
    ("server", "workers = 100000000000000000000", "workers"), ("server", "wrokers = 3", "wrokers"),
    ("servre", "workers = 3", "servre"), ("device", "listen = nonsense", "listen"),
    ("device", "listen = localhost:99999", "listen"), ("gateway", "socket_sources = md5", "md5"),
    ("log", "level = loud", "loud"), ("server", "nonsense", ""), ("database", "pool_size = 5", "pool_size"),
    ("device", "key = /nonexistent", "/nonexistent"), ("gateway", "cache_max_age = 300", "max_age"),
    ("foundries", "gateway_host = a..{factory}", "gateway_host"), ("foundries", "est_host = a b", "est_host"),
])
def test_an_error_names_file_and_line(lab, section, line, word):
    good = lab.config.read_text()
    path, result = check_config(lab, f"{good}\n# comment\n[{section}]\n{line}\n")
    assert result.returncode == EXIT_CONFIG
    number = len(path.read_text().splitlines())
    assert f"{path}:{number}: " in result.stderr, result.stderr
    assert word in result.stderr


@pytest.mark.parametrize("section,name,good,bad", [
    ("issue", "blocked_keys", "# none\n" + "ab" * 32 + " known\n", "ab\n"), ("outbound", "ca_file", None, "-----BEGIN\n")])
def test_files_that_are_read_later_are_looked_at(lab, section, name, good, bad):
    """What serve would refuse, or only find out when it first connects."""
    listed = lab.folder / "listed"
    text = f"{lab.config.read_text()}\n[{section}]\n{name} = {listed}\n"
    listed.unlink(missing_ok=True)
    for content, code in ((None, EXIT_CONFIG), (bad, EXIT_CONFIG), (good or lab.root.read_text(), 0)):
        if content is not None:
            listed.write_text(content)
        path, result = check_config(lab, text)
        assert result.returncode == code, (content, result)
        assert code == 0 or f"{path}:{len(text.splitlines())}: " in result.stderr and str(listed) in result.stderr
        examined = run(BINARY, "--config", path, "doctor", is_checked=False).stdout
        assert (name in examined) == (code != 0), examined


@pytest.mark.parametrize("label,code", [("TRUSTED CERTIFICATE", 0), ("X509 CERTIFICATE", 0),
                                        ("CERTIFICATE REQUEST", EXIT_CONFIG)])
def test_labels_in_ca_file(lab, label, code):
    anchors = lab.folder / "anchors.pem"
    anchors.write_text(lab.root.read_text().replace("CERTIFICATE", label))
    _, result = check_config(lab, f"{lab.config.read_text()}\n[outbound]\nca_file = {anchors}\n")
    assert result.returncode == code, result
    assert code == 0 or f"{anchors}: no PEM certificate\n" in result.stderr


def test_a_problem_ends_without_a_colon(lab):
    anchors = lab.folder / "anchors.pem"
    with anchors.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    _, result = check_config(lab, f"{lab.config.read_text()}\n[outbound]\nca_file = {anchors}\n")
    assert result.returncode == EXIT_CONFIG
    assert f"{anchors} is larger than 16777216 bytes\n" in result.stderr


def test_every_error_is_reported_at_once(lab):
    path, result = check_config(lab, "[server]\nworkers = x\nqueue = y\nworkers = 3\n")
    assert result.returncode == EXIT_CONFIG
    for number in (2, 3, 4):
        assert f"{path}:{number}: " in result.stderr


def test_environment_wins_over_the_file(lab):
    result = lab.program("check-config", is_checked=False, CERTVENDOR_SERVER_WORKERS="nonsense")
    assert result.returncode == EXIT_CONFIG
    assert "CERTVENDOR_SERVER_WORKERS" in result.stderr
    good = lab.program("check-config", CERTVENDOR_SERVER_WORKERS="4", CERTVENDOR_SERVER_PORT_8443_TCP="tcp://x")
    assert (good.returncode, good.stderr) == (0, "")
    misspelt = lab.program("check-config", CERTVENDOR_SERVER_WORKER="4")
    assert misspelt.returncode == 0 and "CERTVENDOR_SERVER_WORKER" in misspelt.stderr


def test_a_missing_configuration(lab):
    for verb in ("check-config", "serve", "migrate"):
        result = run(BINARY, "--config", lab.folder / "missing.conf", verb, is_checked=False)
        assert result.returncode == EXIT_CONFIG, verb
        assert "missing.conf" in result.stderr


def test_the_example_configuration_shows_every_default(lab):
    """With the comments removed it still is a configuration: no name has been renamed since."""
    text = (VAR.parents[1] / "deploy/certvendor.conf").read_text()
    lines = [re.sub(r"^#(\w+ =)", r"\1", line) for line in text.splitlines()]
    lines = [line for line in lines if not line.startswith("passphrase_file")]
    _, result = check_config(lab, "\n".join(lines))
    assert "no such setting" not in result.stderr and "not a" not in result.stderr.replace(
        "is not a folder", ""), result.stderr


def test_print_config_of_labels(lab):
    path = lab.folder / "labels.conf"
    path.write_text("[est.line-1]\nkeys = p256, rsa\nrsa_min_bits = 3072\n[est]\nlinking = required\n"
                    "crl_url = http://crl.example/x\n")
    printed = run(BINARY, "--config", path, "print-config").stdout
    plain, label = printed.split("[est]\n")[1].split("[est.line-1]\n")
    assert f"linking = required ; {path}:5 (needs a restart)\n" in plain
    assert "keys = p256, p384, p521, ed25519, rsa ; default" in plain
    assert "challenge = basic+bearer ; default" in plain and "line_length = auto ; default" in plain
    assert f"keys = p256, rsa ; {path}:2 " in label and f"rsa_min_bits = 3072 ; {path}:3 " in label
    assert f"linking = required ; [est] {path}:5 " in label and "enrol = device, bootstrap, token ; [est] default" in label
    assert f"crl_url = http://crl.example/x ; [est] {path}:6" in label
    # What is printed is a configuration that means the same.
    again = lab.folder / "labels-again.conf"
    again.write_text(printed)
    values = [[line.split(" ; ")[0] for line in text.splitlines() if not line.startswith("#")]
              for text in (printed, run(BINARY, "--config", again, "print-config").stdout)]
    assert values[0] == values[1]


def test_what_is_no_file_is_refused_at_once(lab):
    """A FIFO would be waited for until somebody writes to it."""
    fifo = lab.folder / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, lab.folder, "/dev/null"):
        result = run(BINARY, "--config", path, "check-config", is_checked=False, timeout=10)
        problem = f"opening {path} failed: {'Is a directory' if path == lab.folder else 'not a regular file'}"
        assert result.returncode == EXIT_CONFIG and problem in result.stderr
        for section, key in (("operator", "key"), ("device", "certificate")):
            _, result = check_config(lab, lab.config.read_text() + f"[{section}]\n{key} = {path}\n")
            assert result.returncode == EXIT_CONFIG and f"{path} is not a file" in result.stderr, result.stderr
    result = lab.program("check-config", is_checked=False, timeout=10, CERTVENDOR_SIGNER_PASSPHRASE_FILE=str(fifo))
    assert result.returncode == EXIT_CONFIG and "not a regular file" in result.stderr
    # What a person hands to the command line may be a pipe.
    name = f"pipe-{uuid.uuid4().hex[:8]}"
    request = pem_request(Key(lab.keys, f"/CN={name}"))
    result = lab.cli("gateway", "add", name, "--source", "pem", "--csr", "/dev/stdin", stdin=request)
    assert "BEGIN CERTIFICATE" in result.stdout


def test_print_config(lab):
    result = lab.program("print-config", CERTVENDOR_SERVER_WORKERS="7")
    lines = result.stdout.splitlines()
    assert "workers = 7 ; CERTVENDOR_SERVER_WORKERS (needs a restart)" in lines
    assert "burst = 20 ; default" in lines
    place = lab.config.read_text().splitlines().index(f"listen = 127.0.0.1:{lab.ports['operator']}") + 1
    assert f"listen = 127.0.0.1:{lab.ports['operator']} ; {lab.config}:{place} (needs a restart)" in lines
    [url] = [line for line in lines if line.startswith("#url = ")]
    assert url.startswith(f"#url = (secret) ; {lab.config}:")
    assert "postgresql:" not in result.stdout
    # Where secrets come from their files again, the output is a configuration with the same meaning.
    path = lab.folder / "printed.conf"
    path.write_text(result.stdout)
    again = run(BINARY, "--config", path, "print-config")
    values = [line.split(" ; ")[0] for line in again.stdout.splitlines()]
    assert [value for value in values if not value.startswith("#")] == \
        [line.split(" ; ")[0] for line in lines if not line.startswith("#")]
    bad = lab.program("print-config", is_checked=False, CERTVENDOR_SERVER_WORKERS="none")
    assert (bad.returncode, bad.stdout) == (EXIT_CONFIG, "")


def test_usage():
    for words, code in ((["help"], 0), (["--help"], 0), (["version"], 0), ([], 2), (["nonsense"], 2),
                        (["serve", "extra"], 2), (["serve", "--nonsense"], 2), (["init"], 2),
                        (["init", "--factory", "a b"], 2), (["init", "--factory", "a", "--host", ""], 2),
                        (["init", "--factory", "a", "--token-name", "a,b"], 2),
                        (["init", "--factory", "a", "--token-name", "a b"], 2)):
        result = run(BINARY, *words, *([] if len(words) else [""]), is_checked=False)
        assert result.returncode == code, (words, result)
    for verb in ("serve", "init", "audit"):
        assert run(BINARY, verb, *["verify"] * (verb == "audit"), "--nonsense", is_checked=False).stderr.startswith(
            f"certvendor {verb}: "), verb


# ---- Start and stop ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(make_lab, how):
    lab = make_lab().start()
    device = lab.enrolled_device()
    with lab.client("device", device.identity) as client:
        assert client.send("GET", "/device").status == 200
        begin = time.monotonic()
        assert end_process(lab.process, how) == 0
        # An idle connection does not hold it up.
        assert time.monotonic() - begin < 15
    events = [json.loads(line)["event"] for line in lab.log.read_text().splitlines()]
    assert events[-1] == "stopped"


def test_requests_in_flight_are_finished(make_lab):
    lab = make_lab().start()
    device = lab.enrolled_device()
    results = []

    def ask():
        for _ in range(1000):
            try:
                results.append(device.show().status)
            except OSError:
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(results) > 20, "requests are answered", pause=0.01)
    assert lab.stop() == 0
    for thread in threads:
        thread.join()
    assert set(results) <= {200, 503}


def test_newcomers_are_refused_while_others_are_finished(make_lab):
    """A gateway with a second instance to ask must not wait for one that ends; the next may begin."""
    lab = make_lab(settings={"gateway": {"socket": "gateway.sock"}}).start()
    device = lab.enrolled_device()
    with contextlib.closing(lab.raw("device", device.identity).socket) as slow:
        slow.sendall(b"POST /.well-known/est/simplereenroll HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        wait_until(lambda: lab.metric("certvendor_http_requests_in_flight") == 2, "the half request beside this one")
        lab.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not port_answers(lab.ports["device"]), "refused")
        assert lab.process.poll() is None
        assert not port_answers(lab.ports["gateway"]) and port_answers(lab.ports["monitoring"])
        wait_until(lambda: not lab.gateway_socket.exists(), "the path is free")
        lab.gateway_socket.touch()  # that of the next process
    assert lab.process.wait(60) == 0
    assert lab.gateway_socket.exists()


def test_a_restart_forgets_nothing(make_lab):
    lab = make_lab().start()
    lab.gateway = lab.add_gateway()
    device = lab.enrolled_device()
    old = device.rotate()
    assert lab.stop() == 0
    lab.start()
    assert device.check().headers["Certvendor-Reason"] == "ok"
    assert device.check(old).headers["Certvendor-Reason"] == "denied"


def start_fails(lab):
    """Exit code and log of a start that must not succeed."""
    lab.launch()
    code = lab.process.wait(60)
    return code, lab.log.read_text()


def test_no_schema(postgres):
    lab = Lab("no-schema", postgres)
    postgres.create_database(lab.database)
    lab.write_config()
    shutil.copytree(VAR / "shared/pki", lab.folder / "pki")
    code, log = start_fails(lab)
    assert code == 1
    assert "certvendor migrate" in log
    result = lab.program("init", "--factory", FACTORY, "--directory", lab.folder / "other",
                         is_checked=False)
    assert result.returncode != 0 and "certvendor migrate" in result.stderr
    assert not (lab.folder / "other").exists()


@pytest.fixture(autouse=True)
def shared_exists(lab):
    return lab


def test_no_database(make_lab):
    lab = make_lab()
    lab.settings = {"database": {"url": "postgresql:///x?host=/nonexistent"}}
    lab.write_config()
    code, log = start_fails(lab)
    assert code == 1
    assert "/nonexistent" in log


@pytest.mark.parametrize("url", [
    "postgresql://certvendor:{}@{}@localhost:1/x",
    "postgresql://certvendor:{}/{}@localhost:1/x",
    "postgresql://certvendor:%{}%zz@localhost:1/x",
    "host=localhost port=1 password=a {}",
    "hostx=localhost port=1 password={}",
])
def test_a_database_url_that_is_mistyped_shows_no_password(lab, tmp_path, url):
    secret = "Spilled-part-of-the-password"
    config = tmp_path / "certvendor.conf"
    for given, is_read in ((url.format(secret, secret), False),
                           (f"postgresql://certvendor:{secret}%40{secret}@localhost:1/x", True)):
        config.write_text(re.sub(r"(?m)^url = .*", lambda _, given=given: f"url = {given}", lab.config.read_text()))
        for verb in ("migrate", "doctor", "check-config"):
            result = run(BINARY, "--config", config, verb, is_checked=False)
            output = result.stdout + result.stderr
            assert result.returncode != 0
            assert secret not in output
            assert ("percent-encoded" in output) != is_read


def test_a_port_that_is_taken(make_lab, lab):
    other = make_lab()
    other.ports["operator"] = lab.ports["operator"]
    other.write_config()
    code, log = start_fails(other)
    assert code != 0
    assert str(lab.ports["operator"]) in log or "in use" in log


def test_a_wrong_passphrase(make_lab):
    lab = make_lab()
    lab.settings = {"signer": {"passphrase": "wrong-passphrase-of-the-test"}}
    lab.write_config()
    code, log = start_fails(lab)
    assert code != 0
    assert "wrong-passphrase-of-the-test" not in log
    lab.settings = {}
    lab.write_config()
    lab.start()


def test_a_database_that_could_lose_commits(own_postgres, make_lab):
    lab = make_lab(own_postgres)
    own_postgres.query(f"ALTER DATABASE \"{lab.database}\" SET synchronous_commit = off", "postgres")
    code, log = start_fails(lab)
    assert code != 0
    assert "synchronous_commit" in log


def test_migrate_twice_and_at_once(make_lab):
    lab = make_lab()
    assert "applied" not in lab.program("migrate").stdout
    lab.query("DROP SCHEMA certvendor CASCADE")
    runs = [subprocess.Popen([BINARY, "--config", lab.config, "migrate"], stdout=subprocess.PIPE, text=True,
                             env=clean_environment()) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0, 0]
    assert sum(output.count("applied 0001") for output in outputs) == 1


# ---- init --------------------------------------------------------------------------------------


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_init_overwrites_nothing(make_lab):
    lab = make_lab()
    before, token = files_in(lab.folder / "pki"), lab.token
    empty = lab.folder / "empty.token"
    empty.touch()
    second = ["--factory", "second", "--token-name", "second"]
    for words, code in (([*second, "--token-file", lab.token_file], 1), (["--factory", FACTORY], 1),
                        (["--factory", "second"], 1), ([*second, "--token-file", empty], EXIT_CONFIG)):
        result = lab.program("init", *words, is_checked=False)
        assert result.returncode == code, words
        assert result.stderr.startswith("certvendor: ")
        assert files_in(lab.folder / "pki") == before
        assert lab.token == token
        assert ("is not empty" in result.stderr) == (lab.token_file in words)
    lab.start()
    assert lab.operator("GET", "/v1/status").status == 200


def test_init_takes_an_empty_token_file(make_lab):
    lab = make_lab()
    empty = lab.folder / "second.token"
    empty.touch()
    lab.program("init", "--factory", "second", "--token-name", "second", "--directory", lab.folder / "second",
                "--token-file", empty)
    SECRETS.add(empty.read_text().strip())
    assert empty.stat().st_mode & 0o777 == 0o600 and not empty.with_name("second.token.partial").exists()
    lab.start()
    assert lab.operator("GET", "/v1/factories/second", token=empty.read_text().strip()).status == 200


def test_init_goes_on_where_it_was_cut_short(make_lab):
    """Killed after any time, it is simply repeated."""
    lab = make_lab()
    shutil.rmtree(lab.folder / "pki")
    lab.query("DROP SCHEMA certvendor CASCADE")
    lab.program("migrate")
    lab.token_file.unlink()
    leftover = lab.folder / "pki.partial"
    leftover.mkdir()
    (leftover / "root.key").write_text("half a key")
    for milliseconds in range(0, 60, 4):
        process = subprocess.Popen(
            [BINARY, "--config", lab.config, "init", "--factory", FACTORY, "--announce", "explicit",
             "--token-file", lab.token_file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=clean_environment())
        time.sleep(milliseconds / 1000)
        process.kill()
        process.wait()
        if lab.query("SELECT 1 FROM certvendor.factory"):
            if not lab.token_file.exists():
                lab.init()
            lab.note_secrets()
            break
    else:
        lab.init()
    assert not leftover.exists()
    lab.start()
    assert lab.operator("GET", "/v1/status").status == 200
    assert lab.enrolled_device().show().status == 200


@contextlib.contextmanager
def commits_held_up(lab):
    """No init comes to the end of its commit in the meantime."""
    lab.query("CREATE OR REPLACE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
              "PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$; "
              "DROP TRIGGER IF EXISTS hold_up ON certvendor.factory; "
              "CREATE CONSTRAINT TRIGGER hold_up AFTER INSERT ON certvendor.factory DEFERRABLE INITIALLY DEFERRED "
              "FOR EACH ROW EXECUTE FUNCTION hold_up()")
    with lab.holding("SELECT pg_advisory_xact_lock(4711)"):
        yield


def start_init(lab, factory, token_file, count):
    """Until it waits with so many."""
    process = subprocess.Popen(
        [BINARY, "--config", lab.config, "init", "--factory", factory, "--token-name", factory, "--directory",
         lab.folder / factory, "--token-file", token_file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=clean_environment())
    wait_until(lambda: lab.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                 "AND wait_event = 'advisory'") == [[str(count)]], f"{count} wait")
    return process


def kill_in_commit(lab, factory, token_file):
    """Ends an init that waits for its commit, with which the database goes on."""
    with start_init(lab, factory, token_file, 1) as process:
        process.kill()
    assert not token_file.exists() or token_file.stat().st_size == 0


def test_init_loses_no_token_that_was_committed(make_lab):
    lab = make_lab().start()
    token_file = lab.folder / "other.token"
    partial = token_file.with_name("other.token.partial")

    def init(factory, token_name=None, **more):
        return lab.program("init", "--factory", factory, "--token-name", token_name or factory, "--directory",
                           lab.folder / factory, "--token-file", token_file, **more)

    def token_of(factory):
        token = token_file.read_text().strip()
        SECRETS.add(token)
        assert not partial.exists()
        assert lab.operator("GET", f"/v1/factories/{factory}", token=token).status == 200
        return token_file.read_text()

    with commits_held_up(lab):
        kill_in_commit(lab, "second", token_file)
        repeated = start_init(lab, "second", token_file, 2)
        assert not lab.query("SELECT 1 FROM certvendor.factory WHERE name = 'second'")
    output, _ = repeated.communicate(timeout=60)
    assert repeated.returncode == 0 and f"{token_file} has the token second" in output, output
    assert f"Move {lab.folder / 'second'}/offline" in output
    token_of("second")
    assert "already initialised" in init("second", is_checked=False).stderr

    token_file.write_text("")
    with commits_held_up(lab):
        kill_in_commit(lab, "third", token_file)
        other = start_init(lab, "fourth", token_file, 2)
    output, _ = other.communicate(timeout=60)
    assert other.returncode == 1 and f"{token_file} has the token third" in output, output
    assert f"{token_file} is not empty" in output and "worth nothing" in output
    third = token_of("third")

    for factory, token_name in (("second", "second"), ("second", "third"), ("third", "second")):
        token_file.rename(partial)
        other = init(factory, token_name, is_checked=False)
        assert other.returncode == 1 and f"{token_file} has the token third" in other.stdout
        assert "already initialised" in other.stderr and "Move" not in other.stdout
        assert token_of("third") == third

    token_file.rename(partial)
    token_file.write_text("another\n")
    both = init("fourth", is_checked=False)
    assert both.returncode == 1 and f"{partial} has the token third" in both.stderr
    assert (partial.read_text(), token_file.read_text()) == (third, "another\n")

    token_file.unlink()
    partial.write_text("of a run that never came to its commit\n")
    init("fourth")
    token_of("fourth")


def test_init_makes_nothing_where_the_token_file_is_mounted(make_lab):
    """It cannot be replaced, and what is beside it goes away with the container."""
    apart = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.skip("no mounts may be made here")
    lab = make_lab()
    token_file, source = lab.folder / "second.token", lab.folder / "source"
    for path in (token_file, source):
        path.touch()
    words = [BINARY, "--config", lab.config, "init", "--factory", "second", "--token-name", "second", "--directory",
             lab.folder / "second", "--token-file", token_file]
    result = run(*apart, "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", source, token_file, *words,
                 is_checked=False)
    assert result.returncode == 1 and f"replacing {token_file} failed" in result.stderr, result
    assert not (lab.folder / "second").exists() and source.stat().st_size == 0
    run(*words)
    SECRETS.add(token_file.read_text().strip())


def test_init_lists_no_authority_of_another_factory(make_lab):
    """The folder that a run left behind, whose certificates were imported before it was repeated."""
    lab = make_lab().start()
    for factory, kind, file in (("second", "offline", "device-ca.pem"), ("third", "root", "root.pem")):
        words = ["init", "--factory", factory, "--token-name", factory, "--directory", lab.folder / factory]
        lab.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; "
                  "CREATE TRIGGER refuse BEFORE INSERT ON certvendor.factory FOR EACH ROW EXECUTE FUNCTION refuse()")
        assert lab.program(*words, is_checked=False).returncode == 1
        lab.query("DROP FUNCTION refuse CASCADE")
        answer = lab.operator("POST", "/v1/authorities", {
            "name": factory, "kind": kind, "certificate": (lab.folder / factory / file).read_text()})
        assert answer.status == 201, answer.json()
        result = lab.program(*words, is_checked=False)
        listed = lab.query(f"SELECT 1 FROM certvendor.factory WHERE name = '{factory}'")
        if kind == "root":
            assert result.returncode == 0 and listed
        else:
            assert result.returncode == 1 and not listed
            assert f"authority {factory}-device-ca-1 is listed in factory {FACTORY}" in result.stderr


def test_init_goes_on_with_a_complete_folder(make_lab):
    lab = make_lab()
    before, token = files_in(lab.folder / "pki"), lab.token
    lab.token_file.unlink()
    lab.query("DROP SCHEMA certvendor CASCADE")
    lab.program("migrate")
    assert "going on" in lab.init().stdout
    assert files_in(lab.folder / "pki") == before
    assert lab.token != token
    lab.start()
    assert lab.enrolled_device().show().status == 200


def test_keys_are_for_the_owner_alone(lab):
    for path in (lab.folder / "pki").rglob("*"):
        if path.suffix in (".key", ".passphrase") or "passphrase" in path.name:
            assert path.stat().st_mode & 0o077 == 0, path
    for name in ("offline/root.key", "device-ca.key"):
        assert b"ENCRYPTED" in (lab.folder / "pki" / name).read_bytes()


# ---- Monitoring --------------------------------------------------------------------------------


def test_health(lab):
    assert lab.monitor("/livez").status == 200
    assert lab.monitor("/readyz").body == b"ok\n"
    assert lab.monitor("/healthz").status == 200
    verbose = lab.monitor("/readyz?verbose").body.decode()
    assert "[+] database ok" in verbose and "[+] index ok" in verbose
    assert lab.program("healthcheck").returncode == 0


def test_ready_means_every_listener(make_lab):
    """Monitoring answers first, so a poll without a pause sees the moment between."""
    lab = make_lab()
    for _ in range(5):
        lab.launch()
        while not lab.is_ready():
            pass
        assert all(port_answers(port) for port in lab.ports.values())
        lab.stop()


def test_healthcheck_of_a_server_that_is_not_there(make_lab):
    lab = make_lab()
    result = lab.program("healthcheck", is_checked=False)
    assert result.returncode == 1 and result.stderr


@pytest.mark.est("15.5")
def test_metrics(lab):
    answer = lab.monitor("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names, typed = set(), set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif not line.startswith("#"):
            assert re.fullmatch(r'[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.einfNa]+', line), line
            names.add(line.split("{")[0].split(" ")[0])
    for name in names:
        assert name in typed or re.sub("_(bucket|sum|count)$", "", name) in typed, name
    assert lab.metric("certvendor_db_up") == 1
    # The table of the documents, neither more nor less.
    [table] = re.findall(r"^## Metrics\n(.*?)^## ", (ROOT / "docs/operations.md").read_text(), re.M | re.S)
    assert sorted(re.findall(r"^\| `(\w+)` ", table, re.M)) == sorted(typed)


ONLINE = f'factory="{FACTORY}",ca="{FACTORY}-device-ca-1"'


def moved(lab, act):
    """What changed, by series, while this was done. Histograms: how often."""
    def read():
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lab.monitor("/metrics").body.decode().splitlines()
                if line.startswith("certvendor_") and not re.match(r"\w+_(bucket|sum)[ {]", line)}
    before = read()
    act()
    after = read()
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def test_metrics_of_a_rotation(lab):
    device = lab.device()
    issued = "certvendor_certificates_issued_total{" + ONLINE + ',kind="%s"}'
    completed, cancelled = ('certvendor_rotations_total{result="%s"}' % result for result in ("completed", "cancelled"))
    pending = "certvendor_rotations_pending"

    changed = moved(lab, device.enrol)
    assert changed[issued % "enrolment"] == 1 and issued % "renewal" not in changed
    assert changed["certvendor_signer_duration_seconds_count"] == 1 and "certvendor_signer_up" not in changed
    assert lab.metric("certvendor_signer_up") == 1
    assert changed["certvendor_db_query_duration_seconds_count"] > 0
    assert device.show().status == 200

    keys = [device.new_key() for _ in range(2)]
    fresh = []
    changed = moved(lab, lambda: fresh.append(device.reenrol(keys[0])))
    assert changed[issued % "renewal"] == 1 and issued % "enrolment" not in changed
    assert pending not in changed, "asked for is not announced"

    changed = moved(lab, lambda: device.announce(keys[0]))
    assert changed[pending] == 1 and changed["certvendor_announcements_total"] == 1 and completed not in changed
    changed = moved(lab, lambda: lab.cli("device", "cancel", device.name))
    assert changed[pending] == -1 and changed[cancelled] == 1 and completed not in changed

    changed = moved(lab, lambda: device.announce(keys[0]))
    assert changed[pending] == 1
    changed = moved(lab, lambda: device.show(fresh[0]))
    assert changed[pending] == -1 and changed[completed] == 1 and cancelled not in changed


def test_metrics_of_what_operators_end(lab):
    def ended(act):
        return {name: change for name, change in moved(lab, act).items()
                if name.startswith("certvendor_revocations_total")}

    device, other = lab.enrolled_device(), lab.enrolled_device()
    series = 'certvendor_revocations_total{reason="%s"}'
    assert ended(lambda: lab.cli("device", "hold", device.name)) == {series % "held": 1}
    assert ended(lambda: lab.cli("device", "hold", device.name)) == {}, "unchanged"
    assert ended(lambda: lab.cli("device", "release", device.name)) == {}
    assert ended(lambda: lab.cli("device", "delete", device.name)) == {series % "deleted": 1}
    assert ended(lambda: lab.cli("device", "allow", device.name)) == {}
    assert ended(lambda: lab.cli("certificate", "revoke", device.identity.sha256, "--reason", "superseded")) == {
        series % "superseded": 1}
    assert ended(lambda: lab.cli("device", "revoke", other.name, "--reason", "keyCompromise")) == {
        series % "keyCompromise": 1}
    assert ended(lambda: lab.cli("device", "revoke", other.name, "--reason", "nonsense", is_checked=False)) == {}


def test_metrics_of_memory(lab):
    epoch = lab.metric("certvendor_cache_epoch")
    device = lab.enrolled_device()
    wait_until(lambda: lab.metric("certvendor_cache_epoch") > epoch, "the feed is read")
    timed = 'certvendor_http_request_duration_seconds_count{listener="gateway"}'
    before = lab.metric(timed)
    assert device.check().status == 200
    wait_until(lambda: lab.metric(timed) > before, "the check is timed")


QUICKER_LOOP = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first time that a listening socket is taken out of a set, it is not in it any more. */
int epoll_ctl(int set, int operation, int descriptor, struct epoll_event *event)
{
	static int has_failed;
	int (*next)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (operation == EPOLL_CTL_DEL && !has_failed &&
	    getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens) {
		has_failed = 1;
		(void)!write(2, "not in the set\n", 15);
		errno = ENOENT;
		return -1;
	}
	return next(set, operation, descriptor, event);
}
"""


def test_a_stop_survives_an_event_loop_that_was_quicker(make_lab):
    """The library would abort."""
    if b"__asan_init" in BINARY.read_bytes():
        pytest.skip("the sanitizer must come first among the libraries")
    own = make_lab()
    source, library = own.folder / "quicker.c", own.folder / "quicker.so"
    source.write_text(QUICKER_LOOP)
    run("cc", "-shared", "-fPIC", "-O1", source, "-o", library)
    own.environment["LD_PRELOAD"] = str(library)
    own.start()
    assert own.stop() == 0
    assert own.log.read_text().count("not in the set") == 1


def test_metrics_tell_routes_reasons_and_limits(lab):
    def requests(**labels):
        """The series with these labels, in whatever order."""
        found = [line for line in lab.monitor("/metrics").body.decode().splitlines()
                 if line.startswith("certvendor_http_requests_total{")
                 and all(f'{name}="{value}"' in line for name, value in labels.items())]
        return sum(int(line.rsplit(" ", 1)[1]) for line in found)

    device = lab.enrolled_device()
    shows = {"listener": "device", "route": "/device", "method": "GET", "code": "2xx"}
    checks = {"listener": "gateway", "route": "/v1/check", "code": "2xx"}
    nowhere = {"listener": "public", "route": "none", "method": "any", "code": "4xx"}
    before = [requests(**labels) for labels in (shows, checks, nowhere)]
    assert device.show().status == 200 and device.check().status == 200
    path = f"/{uuid.uuid4()}"
    assert lab.send("public", "GET", path).status == 404
    wait_until(lambda: [requests(**labels) for labels in (shows, checks, nowhere)]
               == [count + 1 for count in before], "requests are counted")
    assert path not in lab.monitor("/metrics").body.decode()
    refused = 'certvendor_issue_failures_total{reason="bad-csr"}'
    count = lab.metric(refused)
    assert device.est("simplereenroll", b"none", device.identity).status == 400
    assert lab.metric(refused) == count + 1
    delayed = 'certvendor_ratelimit_rejected_total{limit="credentials"}'
    count = lab.metric(delayed)
    for _ in range(25):
        lab.operator("GET", "/v1/devices", token="cvo_wrong", source="127.0.0.77")
    assert count + 1 <= lab.metric(delayed) <= count + 5


def test_a_signal_tells_the_state(make_lab):
    own = make_lab().start()
    own.process.send_signal(signal.SIGUSR1)
    own.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: own.events("state"), "the state is told")
    [state] = own.events("state")
    assert (state["database"], state["index"], state["certificates"]) == ("up", "fresh", 0)
    assert {line["listener"] for line in own.events("state-of-listener")} == set(own.ports)
    [requests] = own.events("state-of-requests")
    assert requests["draining"] == "no"
    assert own.monitor("/readyz").status == 200, "SIGUSR1 ends nothing"


def test_public_certificates(lab):
    der = lab.send("public", "GET", f"/ca/{FACTORY}-root.cer")
    assert (der.status, der.headers["Content-Type"]) == (200, "application/pkix-cert")
    path = lab.keys / "public-root.cer"
    path.write_bytes(der.body)
    assert run("openssl", "x509", "-inform", "DER", "-in", path).stdout.split() == \
        lab.root.read_text().split()
    bundle = lab.send("public", "GET", f"/ca/{FACTORY}.pem")
    assert bundle.headers["Content-Type"] == "application/x-pem-file"
    assert bundle.body.count(b"BEGIN CERTIFICATE") >= 2
    for name in ("nobody.cer", "nobody.pem", "..%2Fdevice.key", f"{FACTORY}"):
        assert lab.send("public", "GET", f"/ca/{name}").status == 404


def test_a_listener_can_be_switched_off(make_lab):
    lab = make_lab()
    port = lab.ports["public"]
    lab.settings = {"public": {"listen": ""}}
    lab.write_config()
    lab.start()
    with pytest.raises(OSError):
        lab.send("public", "GET", "/ca/x.cer")
    assert lab.ports["public"] == port != free_port()
    wait_until(lab.is_ready, "ready")


def test_a_port_in_use_is_named(make_lab):
    lab = make_lab()
    with socket.create_server(("127.0.0.1", lab.ports["operator"])):
        code, _ = start_fails(lab)
    assert code == 1
    failed = lab.events("start-failed")[0]
    assert f"operator listener: listening at 127.0.0.1:{lab.ports['operator']} failed" in failed["detail"]
    assert failed["cause"] == "Address already in use"


def test_log_lines_are_json_with_request_ids(lab):
    device = lab.enrolled_device()
    answer = lab.send("device", "GET", "/device", device.identity, headers={"X-Request-Id": "my-own.id_1"})
    assert answer.headers["X-Request-Id"] == "my-own.id_1"
    evil = lab.send("device", "GET", "/device", device.identity, headers={"X-Request-Id": "a b\"}{"})
    assert evil.headers["X-Request-Id"] != "a b\"}{"
    lines = [json.loads(line) for line in lab.log.read_text().splitlines()]
    [line] = [line for line in lines if line.get("request_id") == "my-own.id_1"]
    assert (line["status"], line["device"], line["route"]) == (200, device.name, "/device")


def test_traces_are_passed_on(lab):
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    def lines_with(name, value):
        """A line is written when the answer is complete, which may be after it was read."""
        wait_until(lambda: [line for line in lab.events("request") if line.get(name) == value], "log line")
        return [line for line in lab.events("request") if line.get(name) == value]

    device = lab.enrolled_device()
    for number, (headers, kind) in enumerate([
            ([("traceparent", f"00-{trace}-{span}-01")], "theirs"),
            ([("traceparent", f"00-{trace}-{span}")], "new"),
            ([("traceparent", f"00-{trace}-{span}-01"), ("traceparent", f"00-{trace}-{span}-01")], "new"),
            ([], "none")]):
        answer = lab.send("device", "GET", "/device", device.identity,
                          headers=[*headers, ("X-Request-Id", f"trace-{number}")])
        assert answer.status == 200
        [line] = lines_with("request_id", f"trace-{number}")
        assert ("trace_id" in line) == (kind != "none") == ("span_id" in line)
        if kind != "none":
            assert re.fullmatch("[0-9a-f]{32}", line["trace_id"]) and re.fullmatch("[0-9a-f]{16}", line["span_id"])
            assert (line["trace_id"] == trace) == (kind == "theirs") and line["span_id"] != span
    # The command line is a caller too.
    trace = "1af7651916cd43dd8448eb211c80319c"
    lab.cli("status", TRACEPARENT=f"00-{trace}-{span}-01")
    assert [line["route"] for line in lines_with("trace_id", trace)] == ["/v1/status"]
    lab.cli("status", TRACEPARENT="no trace\nX-Other: header")


# ---- What must be nowhere ----------------------------------------------------------------------


def test_secrets_are_found(tmp_path):
    """The search itself: each is a finding, and what it nearly was is none."""
    token = "cve_" + "Ab1-" * 10 + "xyz"
    passphrase = "a passphrase of the test"
    (tmp_path / "signer.passphrase").write_text(passphrase + "\n")
    (tmp_path / "device.key").write_text("-----BEGIN PRIVATE KEY-----\n" + "k" * 64 + "\n-----END PRIVATE KEY-----\n")
    log = tmp_path / "some.log"
    for text, is_secret in (
            (token, True), (token[:20], False), (token.replace("cve", "cvx"), False),
            (f"Y{token}", True), (basic(token), True), (basic(token, "u"), True), (basic(token, "us"), True),
            (basic(token.replace("cve", "cvx"), "u"), False), (passphrase, True), (passphrase[:-1], False),
            (basic(passphrase), True), ("k" * 64, True), ("k" * 60, False), ("known to the test only", True),
            ("-----BEGIN EC PRIVATE KEY-----", True), ("-----BEGIN PUBLIC KEY-----", False),
            ("Authorization: Basic dXNlcjpwdw==", True), ("\"authorization\":\"Bearer abcdefgh\"", True),
            ("Authorization is missing", False), ("WWW-Authenticate: Basic realm=x", False)):
        log.write_text(f"{{\"event\": \"x\", \"text\": \"{text}\"}}\n")
        found = list(find_secrets.find(tmp_path, ["known to the test only"]))
        assert [path for path, _ in found] == [log] * len(found) and bool(found) == is_secret, (text, found)


def test_no_secret_at_the_most_talkative(make_lab):
    """With every message of the program and of its HTTP library."""
    lab = make_lab(settings={"log": {"level": "debug"}}).start()
    device, password = lab.device(), "challenge-password-of-the-test"
    SECRETS.add(password)
    key = Key(lab.keys, device.subject)
    config = lab.keys / "challenge.conf"
    config.write_text(f"[req]\ndistinguished_name=dn\nattributes=a\nprompt=no\n[dn]\nOU={FACTORY}\n"
                      f"CN={device.name}\n[a]\nchallengePassword={password}\n")
    request = lab.keys / "challenge.csr"
    run("openssl", "req", "-new", "-key", key.path, "-config", config, "-outform", "DER", "-out", request)
    der = request.read_bytes()
    token = lab.enrolment_token(device=device.name)
    for secret, status in ((token + "x", 401), (token, 200)):
        SECRETS.add(secret)
        for headers in ({"Authorization": basic(secret)}, {"Authorization": f"Bearer {secret}"}):
            answer = device.est("simpleenroll", der, headers=headers)
            assert answer.status == status, answer
    request.unlink()
    with lab.raw("device") as raw:  # what the library itself complains about
        raw.send(f"POST {EST}/simpleenroll HTTP/1.1\r\nAuthorization {basic(token)}\r\nno colon\r\n\r\n")
        raw.everything()
    assert lab.operator("GET", f"/v1/devices?token={token}").status in (200, 400)
    assert lab.stop() == 0
    assert '"http-library"' in lab.log.read_text()
    assert list(find_secrets.find(lab.folder, SECRETS)) == []


@pytest.mark.est("15.4")
@pytest.mark.last
def test_no_secret_in_what_the_suite_wrote(lab):
    """Of the whole suite: this test is the last one."""
    lab.note_secrets()
    assert "signer-key-added" in lab.log.read_text()
    passphrase = (lab.folder / "pki/signer.passphrase").read_text().strip()
    assert passphrase in SECRETS and lab.token in SECRETS
    assert all(len(secret) >= find_secrets.SHORTEST for secret in SECRETS)
    # The cluster of the suite may have had to live elsewhere.
    shutil.copyfile(lab.postgres.log, VAR / "postgres-server.log")
    assert list(find_secrets.find(VAR, SECRETS)) == []
