"""The command line that asks the operators' API, and how shells complete it."""
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import tempfile
import termios
import uuid

import pytest

from certvendor_lab import BINARY, FACTORY, ROOT, SECRETS, Authority, clean_environment, free_port, run


def fresh_name(letter="n"):
    return f"{letter}{uuid.uuid4().hex[:8]}"


def test_command_line(lab):
    device = lab.enrolled_device()
    sha256 = device.identity.sha256
    assert device.name in lab.cli("device", "list", "--limit", "1000").stdout
    assert device.name in lab.cli("device", "show", device.name).stdout
    assert sha256 in lab.cli("certificate", "list", "--device", device.name).stdout
    assert "active" in lab.cli("certificate", "show", sha256).stdout
    assert f"{FACTORY}-root" in lab.cli("authority", "list").stdout
    assert json.loads(lab.cli("--json", "status").stdout)["database"] == "up"
    for act, expected, status in (("hold", "done", 403), ("hold", "unchanged", 403),
                                  ("release", "done", 200), ("delete", "done", 403),
                                  ("allow", "done", 200), ("revoke", "done", 403)):
        assert lab.cli("device", act, device.name).stdout == f"{device.name}: {expected}\n"
        assert device.check().status == status, act


def test_command_line_tokens_and_certificates(lab):
    device = lab.device()
    token = lab.cli("token", "enrol", "--device", device.name, "--expires-in", "60").stdout.strip()
    SECRETS.add(token)
    device.enrol(token=token)
    assert device.show().status == 200
    sha256 = device.identity.sha256
    assert "key of the device ended" in lab.cli("certificate", "revoke", sha256).stdout
    assert device.check().status == 403


def test_command_line_authorities(lab):
    authority = Authority(lab.keys, "/CN=Imported CA")
    device = lab.device()
    identity = authority.sign(device.new_key())
    assert lab.check(identity.der).status == 403
    lab.cli("authority", "import", authority.identity.certificate, "--name", "imported", "--kind",
            "offline", "--owner", "somebody")
    assert lab.check(identity.der).status == 200
    assert lab.operator("GET", f"/v1/devices/{device.name}").json()["owner"] == "somebody"
    assert "done" in lab.cli("authority", "revoke", "imported").stdout
    assert lab.check(identity.der).status == 403


def test_command_line_refusals(lab):
    def fails(*words, code=1, **more):
        result = lab.cli(*words, is_checked=False, **more)
        assert result.returncode == code, (words, result)
        assert result.stdout == "" and result.stderr.startswith("certvendor"), result
        return result.stderr

    assert "not-found" in fails("device", "show", "nobody")
    assert "not-found" in fails("device", "revoke", "nobody")
    fails("device", "revoke", code=2)
    fails("device", "list", "--reason", "x", code=2)
    fails("device", "show", "a", "b", code=2)
    fails("token", "enrol", "--uses", "many", code=2)
    fails("gateway", "add", "x", code=2)
    assert fails("device", "melt", code=2).startswith('certvendor device: "melt" is no act\nusage: ')
    assert fails("device", code=2).startswith("certvendor device: needs an act\nusage: certvendor device ACT")
    assert fails("device", "show", code=2) == "certvendor device show: needs ID\n"
    assert fails("group", "add", "x", code=2) == "certvendor group add: needs DEVICE\n"
    assert (fails("gateway", "set", "x", "--activate", "--no-activate", code=2)
            == "certvendor gateway set: takes --activate or --no-activate\n")
    assert fails("help", "nonsense", code=2) == fails("nonsense", code=2)
    assert fails("help", "device", "melt", code=2).startswith('certvendor device: "melt" is no act\n')
    assert fails("device", "hold", "nobody", "", code=2) == "certvendor device hold: an argument is empty\n"
    assert fails("group", "remove", "..", "nobody", code=2) == "certvendor group remove: nothing is called ..\n"
    before = lab.cli("factory", "show", FACTORY).stdout
    assert (fails("factory", "set", FACTORY, "--announce", "factory", code=2)
            == "certvendor factory set: --announce is explicit|implied, not factory\n")
    assert lab.cli("factory", "show", FACTORY).stdout == before
    assert "not online" in fails("authority", "import", lab.root, "--name", "x", "--kind", "online", code=2)
    assert "bad-json" in fails("device", "revoke", "nobody", "--reason", "because")
    assert re.fullmatch(r"certvendor: [A-Z][a-z ]+: .*[a-z.] \([a-z-]+\)\n", fails("device", "list", "--limit", "1001"))
    assert fails("device", "list", "--what", code=2).startswith("certvendor device list: ")
    result = run(BINARY, "--server", f"https://127.0.0.1:{lab.ports['operator']}", "device", "list",
                 is_checked=False, CERTVENDOR_TOKEN=lab.token)
    assert result.returncode == 1, "the server's certificate is of an unknown CA"
    result = run(BINARY, "device", "list", is_checked=False)
    assert result.returncode != 0 and "token" in result.stderr


def test_command_line_by_environment(lab):
    result = run(BINARY, "status", CERTVENDOR_TOKEN="", CERTVENDOR_TOKEN_FILE=str(lab.token_file),
                 CERTVENDOR_CERT="", CERTVENDOR_CA=str(lab.root),
                 CERTVENDOR_SERVER=f"https://127.0.0.1:{lab.ports['operator']}")
    assert "database" in result.stdout, "an empty variable is none"
    result = run(BINARY, "--server", "", "status", is_checked=False, CERTVENDOR_TOKEN=lab.token)
    assert result.returncode == 2 and "--server is empty" in result.stderr
    result = run(BINARY, "status", CERTVENDOR_TOKEN=lab.token, CERTVENDOR_CA=str(lab.root),
                 CERTVENDOR_SERVER=f"https://127.0.0.1:{lab.ports['operator']}")
    assert "database" in result.stdout
    assert os.stat(lab.token_file).st_mode & 0o777 == 0o600


def test_no_token_in_clear_text(lab):
    """Without a scheme it is https; a listener that speaks http never hears of a token."""
    address = f"127.0.0.1:{lab.ports['operator']}"
    login = {"CERTVENDOR_TOKEN": lab.token, "CERTVENDOR_CA": str(lab.root)}
    assert "database" in run(BINARY, "--server", address, "status", **login).stdout
    assert "database" in run(BINARY, "status", CERTVENDOR_SERVER=f"{address}/", **login).stdout
    with socket.create_server(("127.0.0.1", 0)) as eavesdropper:
        address = f"127.0.0.1:{eavesdropper.getsockname()[1]}"
        for scheme in ("http", "HTTP", "ftp"):
            for words in (("status",), ("device", "hold", "a", "b"), ("device", "list", "--all")):
                result = run(BINARY, *words, is_checked=False, CERTVENDOR_SERVER=f"{scheme}://{address}", **login)
                assert result.returncode == 2 and result.stdout == ""
                assert result.stderr == (f'certvendor: "{scheme}://{address}" does not begin with https://: '
                                         "nothing is sent in clear text\n")
        eavesdropper.settimeout(0)
        with pytest.raises(BlockingIOError):
            eavesdropper.accept()


def test_several_at_once(lab):
    devices = [lab.enrolled_device() for _ in range(3)]
    names = [device.name for device in devices]
    group = fresh_name("g")
    lab.cli("group", "create", group)
    assert lab.cli("group", "add", group, *names).stdout == "".join(f"{name}: done\n" for name in names)
    assert lab.cli("device", "list", "--group", group, "--all").stdout.count(group) == 3
    result = lab.cli("device", "hold", names[0], "nobody", names[1], "--reason", "stolen", is_checked=False)
    assert result.returncode == 1
    assert result.stderr == "certvendor: nobody: There is nothing here. (not-found)\n"
    assert result.stdout == f"{names[0]}: done\n{names[1]}: done\n"
    result = lab.cli("group", "add", "nowhere", *names[:2], is_checked=False)
    assert result.stderr == "".join(f"certvendor: nowhere {name}: There is nothing here. (not-found)\n"
                                    for name in names[:2])
    assert [device.check().status for device in devices] == [403, 403, 200]
    assert "stolen" in lab.cli("audit", "list", "--device", names[1]).stdout


def test_all_pages(lab):
    group = fresh_name("g")
    lab.cli("group", "create", group)
    names = sorted(lab.enrolled_device().name for _ in range(5))
    lab.cli("group", "add", group, *names)
    command = ("device", "list", "--group", group, "--limit", "2")
    first = lab.cli(*command)
    assert "--cursor" in first.stderr
    listed = json.loads(lab.cli("--json", *command, "--all").stdout)
    assert [item["id"] for item in listed["items"]] == names and listed["next"] is None
    cursor = first.stderr.split()[-1]
    rest = json.loads(lab.cli("--json", *command, "--cursor", cursor, "--all").stdout)
    assert [item["id"] for item in rest["items"]] == names[2:]
    assert lab.cli(*command, "--all").stderr == "", "progress is for terminals"


def test_configuration(lab):
    group, factory = fresh_name("g"), fresh_name("f")
    lab.cli("group", "create", group, "--announce", "implied")
    assert "implied" in lab.cli("group", "show", group).stdout
    shown = json.loads(lab.cli("--json", "group", "set", group, "--announce", "factory").stdout)
    assert shown["announce"] is None
    result = lab.cli("group", "set", group, "--announce", "implied", "--if-match", '"old"', is_checked=False)
    assert result.returncode == 1 and "precondition-failed" in result.stderr
    tag = lab.operator("GET", f"/v1/groups/{group}").headers["ETag"]
    for given, policies in ((tag.strip('"'), "a"), ("old", None)):
        result = lab.cli("group", "set", group, "--policies", "a", "--if-match", given, is_checked=False)
        assert (result.returncode == 0) == (policies is not None), result
    assert "precondition-failed" in result.stderr
    assert lab.cli("group", "delete", group).stdout == f"{group}: done\n"
    lab.cli("factory", "add", factory, "--first-contact", "refuse")
    lab.cli("factory", "set", factory, "--retire-after-days", "3", "--announce", "implied")
    shown = json.loads(lab.cli("--json", "factory", "show", factory).stdout)
    assert (shown["first_contact"], shown["retire_after_days"], shown["announce"]) == ("refuse", 3, "implied")
    assert factory in lab.cli("factory", "list", "--all").stdout
    gateway = fresh_name("w")
    lab.add_gateway(gateway)
    lab.cli("gateway", "set", gateway, "--source", "pem", "--no-activate")
    shown = json.loads(lab.cli("--json", "gateway", "show", gateway).stdout)
    assert (shown["sources"], shown["may_activate"]) == (["pem"], False)
    assert gateway in lab.cli("gateway", "list").stdout
    assert lab.cli("gateway", "remove", gateway).stdout == f"{gateway}: done\n"
    assert "online" in lab.cli("authority", "show", f"{FACTORY}-device-ca-1").stdout


def test_tokens(lab):
    made = json.loads(lab.cli("--json", "operator-token", "create", "cli", "--role", "viewer",
                              "--expires-in", "60").stdout)
    SECRETS.add(made["token"])
    seen = run(BINARY, "--server", f"https://127.0.0.1:{lab.ports['operator']}", "--ca", lab.root, "device",
               "list", CERTVENDOR_TOKEN=made["token"])
    assert seen.returncode == 0
    assert made["id"] in lab.cli("operator-token", "list", "--all").stdout
    assert "viewer" in lab.cli("operator-token", "show", made["id"]).stdout
    assert lab.cli("operator-token", "revoke", made["id"]).stdout == f"{made['id']}: done\n"
    token = json.loads(lab.cli("--json", "token", "enrol", "--device", "cli-1").stdout)
    SECRETS.add(token["token"])
    assert token["id"] in lab.cli("token", "list", "--device", "cli-1").stdout
    assert lab.cli("token", "revoke", token["id"]).stdout == f"{token['id']}: done\n"
    assert "revoked_at" in lab.cli("token", "show", token["id"]).stdout
    lab.cli("denial", "list")


@pytest.mark.parametrize("verb,more", [("gateway", ("--source", "pem")), ("operator-certificate", ("--role", "viewer"))])
def test_out_is_opened_before_anything_is_made(lab, tmp_path, verb, more):
    name = fresh_name("o")
    csr, out = tmp_path / "csr", tmp_path / "out.pem"
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        lab.keys / f"{name}.key", "-subj", f"/CN={name}", "-out", csr)

    def add(path, name=name):
        return lab.cli(verb, "add", name, "--csr", csr, *more, "--out", path, is_checked=False)

    for bad in (tmp_path / "missing/out.pem", tmp_path):
        result = add(bad)
        assert result.returncode == 1 and str(bad) in result.stderr and result.stdout == ""
    assert name not in lab.cli(verb, "list", "--all").stdout
    out.write_text("old")
    assert add(out).returncode == 0
    made = out.read_text()
    assert "BEGIN CERTIFICATE" in made and out.stat().st_mode & 0o777 == 0o644
    assert name in lab.cli(verb, "list", "--all").stdout
    before = sorted(tmp_path.iterdir())
    csr.write_text("nothing")
    assert add(tmp_path / "other.pem", fresh_name("o")).returncode == 1
    assert add(out, fresh_name("o")).returncode == 1
    assert sorted(tmp_path.iterdir()) == before and out.read_text() == made


def test_a_lost_admin_token_as_the_page_says(lab):
    page = (ROOT / "docs/operations.md").read_text().split("### A lost admin token")[1]
    script = re.search(r"```sh\n(.*?)```", page, re.S).group(1)
    url = lab.postgres.url(lab.database)
    result = run("sh", "-euc", f'certvendor() {{ "{BINARY}" "$@"; }}\n{script}\nprintf "%s\\n" "$token"',
                 CERTVENDOR_DATABASE_URL=url, CERTVENDOR_CA=str(lab.root),
                 CERTVENDOR_SERVER=f"https://127.0.0.1:{lab.ports['operator']}")
    token, recovery = re.search(r"^cvo_\S{43}$", result.stdout, re.M).group(), result.stdout.splitlines()[-1]
    SECRETS.update((token, recovery))
    [spare] = re.findall(r"^(\S+)  recovery  ", result.stdout, re.M)

    def revoke(token):
        return run(BINARY, "--server", f"https://127.0.0.1:{lab.ports['operator']}", "--ca", lab.root,
                   "operator-token", "revoke", spare, is_checked=False, CERTVENDOR_TOKEN=token)

    assert revoke(token).stdout == f"{spare}: done\n"
    assert revoke(recovery).returncode == 1 and revoke(token).returncode == 0
    rows = json.loads(lab.cli("--json", "audit", "list", "--actor", "operator:recovery").stdout)["items"]
    assert [row["action"] for row in rows] == ["operator-token-made"]


@pytest.mark.parametrize("width", [60, 80, 132])
def test_tables_fit_the_terminal(lab, width):
    device = lab.enrolled_device()
    lab.operator("POST", f"/v1/devices/{device.name}/revoke")
    lab.add_operator(fresh_name("somebody-with-a-long-name-"), "viewer", [FACTORY])
    lab.cli("group", "create", fresh_name("group-with-a-long-name-"))
    waiting(lab)
    SECRETS.add(lab.cli("operator-token", "create", fresh_name("narrow-"), "--role", "viewer").stdout.strip())
    for words in (("device", "list"), ("certificate", "list"), ("audit", "list"), ("authority", "list"),
                  ("token", "list"), ("gateway", "list"), ("factory", "list"), ("denial", "list"),
                  ("operator-token", "list"), ("operator-certificate", "list"), ("approval", "list"),
                  ("group", "list")):
        lines = on_terminal(lab, width, *words, "--limit", "5").splitlines()
        assert len(lines) > 1, words
        widest, first = (max(map(len, cells)) for cells in (lines, [line.split("  ")[0] for line in lines]))
        assert widest <= max(width, first), (words, lines)


def test_what_is_typed_again_is_never_cut(lab):
    """Ids and times; columns that have no room beside them are left out, and that is said."""
    device = lab.enrolled_device()
    SECRETS.add(lab.cli("operator-token", "create", "whole", "--role", "viewer").stdout.strip())
    for verb, member in (("token", "id"), ("operator-token", "id"), ("device", "id"), ("certificate", "sha256")):
        command = (verb, "list", "--limit", "1000")
        ids = [item[member] for item in json.loads(lab.cli("--json", *command).stdout)["items"]]
        shown = on_terminal(lab, 80, *command).splitlines()
        assert [line.split()[0] for line in shown[1:-1]] == ids and "column" in shown[-1]
        assert [line.split()[0] for line in on_terminal(lab, 400, *command).splitlines()[1:]] == ids
    *rows, note = on_terminal(lab, 80, "audit", "list", "--limit", "5").splitlines()[1:]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  [a-z-]+  .*", row) for row in rows), rows
    assert re.fullmatch(r"\d columns left out: see --json, a pipe or a wider terminal", note)
    assert "left out" not in lab.cli("audit", "list", "--limit", "5").stdout
    lines = lab.cli("device", "show", device.name).stdout.splitlines()
    assert len({len(re.match(r"\S+ +", line).group()) for line in lines}) == 1, "values stand below each other"


def waiting(lab):
    """The id of an enrolment that an operator has to decide."""
    name = str(uuid.uuid4())
    lab.query("INSERT INTO certvendor.approval (id, factory, label, identity, device, csr_digest, csr, expires_at) "
              f"VALUES ('{name}', '{FACTORY}', 'line-with-a-long-name', 'token:{uuid.uuid4()}', 'unit', "
              f"sha256('{name}'), 'csr', now() + interval '1 hour')")
    return name


def test_approvals(lab):
    first, second, third = waiting(lab), waiting(lab), waiting(lab)
    listed = json.loads(lab.cli("--json", "approval", "list", "--state", "pending", "--all").stdout)["items"]
    assert {first, second, third} <= {item["id"] for item in listed}
    assert lab.cli("approval", "approve", first, second).stdout == f"{first}: done\n{second}: done\n"
    assert lab.cli("approval", "refuse", third, "--reason", "unknown").stdout == f"{third}: done\n"
    assert lab.query(f"SELECT reason FROM certvendor.audit WHERE after ->> 'approval' = '{third}'") == [["unknown"]]
    again = lab.cli("approval", "approve", third, is_checked=False)
    assert again.returncode == 1 and "not-found" in again.stderr
    states = {item["id"]: item["state"] for item in
              json.loads(lab.cli("--json", "approval", "list", "--all").stdout)["items"]}
    assert [states[each] for each in (first, second, third)] == ["approved", "approved", "refused"]


def test_exit_codes_are_those_of_the_manual(lab):
    manual = (ROOT / "docs/man/certvendor.1").read_text().split(".Sh EXIT STATUS")[1].split(".Sh")[0]
    documented = {int(code) for code in re.findall(r"^\.It (\d+)$", manual, re.M)}
    nowhere = ("--server", f"https://127.0.0.1:{free_port()}", "--token-file", lab.token_file)
    config = lab.folder / "wrong.conf"
    config.write_text("[server]\nworkers = none\n")
    seen = {
        0: [lab.cli("status"), lab.program("check-config"), run(BINARY, "help")],
        1: [lab.cli("device", "show", "nobody", is_checked=False),
            run(BINARY, *nowhere, "status", is_checked=False),
            lab.cli("device", "hold", "nobody", "nobody-else", is_checked=False),
            run(BINARY, "--config", config, "healthcheck", is_checked=False)],
        2: [lab.cli("device", "show", is_checked=False), lab.cli("device", "melt", is_checked=False),
            lab.cli("token", "enrol", "--uses", "x", is_checked=False), run(BINARY, is_checked=False)],
        78: [run(BINARY, "--config", config, verb, is_checked=False)
             for verb in ("serve", "migrate", "check-config", "print-config")],
    }
    assert documented == set(seen)
    for code, results in seen.items():
        assert [result.returncode for result in results] == [code] * len(results), results


def test_what_cannot_be_written_is_told(lab):
    """The token is lost, and the list; who reads the exit code alone learns that, too."""
    login = ("--server", f"https://127.0.0.1:{lab.ports['operator']}", "--ca", lab.root, "--token-file", lab.token_file)
    for words in ((*login, "token", "enrol"), (*login, "--json", "audit", "list", "--all"), ("help",), ("--version",),
                  ("completion", "bash"), ("--config", lab.config, "print-config"), ("device", "--help")):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([BINARY, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                    env=clean_environment())
        assert result.returncode == 1, words
        assert re.fullmatch("certvendor: writing to standard output failed(: No space left on device)?\n",
                            result.stderr), words
    refused = subprocess.run([BINARY, *login, "device", "show", "nobody"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, check=False, env=clean_environment())
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1


def test_long_work_shows_its_progress(lab):
    """On a terminal alone, over itself, and gone at the end."""
    for _ in range(3):
        lab.enrolled_device()
    words = ("--json", "device", "list", "--limit", "1", "--all")
    shown = on_terminal(lab, 80, *words, stream="stderr")
    assert "\rread: 1\rread: 2\rread: 3" in shown and shown.endswith("\r\x1b[K"), shown
    assert lab.cli(*words).stderr == ""


def on_terminal(lab, width, *words, stream="stdout"):
    """What it prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    other = tempfile.TemporaryFile()  # a pipe would have to be read at the same time
    process = subprocess.Popen(
        [BINARY, "--server", f"https://127.0.0.1:{lab.ports['operator']}", "--ca", lab.root, "--token-file",
         lab.token_file, *words], stdin=subprocess.DEVNULL, env=clean_environment(),
        **{"stdout": other, "stderr": other, stream: theirs})
    os.close(theirs)
    data = b""
    try:
        while chunk := os.read(ours, 65536):
            data += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    with other:
        assert process.wait() == 0, os.pread(other.fileno(), 4096, 0)
    return data.decode()


# ---- Help and completion -----------------------------------------------------------------------


def verbs_with_acts():
    """As the program tells them: {"device": ["list", ...], "status": []}."""
    told = run(BINARY, "help").stdout.split("over the API of a running server:\n")[1].split("\n\n")[0]
    rows = {}
    for line in told.splitlines():
        verb, text = line.split(maxsplit=1)
        help_of_verb = run(BINARY, verb, "--help").stdout
        acts = re.findall(r"^  (\S+)", help_of_verb, re.M) if " ACT " in help_of_verb else []
        rows[verb] = [act for act in acts if act not in acts_without_server(verb)]
        assert not rows[verb] or rows[verb] == text.split(", ")
    return rows


def acts_without_server(verb):
    """Those that the program does itself, beside what the API has."""
    told = run(BINARY, "help").stdout.split("over the API of a running server:\n")[0]
    return re.findall(rf"^  {verb} (\S+)", told, re.M)


def options_of(*words):
    return set(re.findall(r"^  --(\S+)", run(BINARY, *words, "--help").stdout, re.M))


def test_version():
    assert run(BINARY, "--version").stdout == run(BINARY, "version").stdout


def test_every_verb_has_help():
    rows = verbs_with_acts()
    assert {"device", "certificate", "denial", "group", "authority", "gateway", "factory", "token",
            "operator-token", "operator-certificate", "approval", "webhook", "event-key", "audit",
            "status", "grant", "rotation-group", "demo",
            "bench"} == set(rows)
    for verb, acts in rows.items():
        for act in acts:
            text = run(BINARY, verb, act, "--help").stdout
            assert text.startswith(f"usage: certvendor {verb} {act}") and "exit code" in text
            assert " " in text.splitlines()[1], f"{verb} {act} says nothing"
            assert max(len(line) for line in text.splitlines()) <= 80, text
        assert max(len(line) for line in run(BINARY, verb, "--help").stdout.splitlines()) <= 80
    for words in (("device",), ("device", "hold"), ("status",), ("audit", "verify"), ("init",)):
        assert run(BINARY, "help", *words).stdout == run(BINARY, *words, "--help").stdout != ""
    assert run(BINARY, "help", "help").stdout == run(BINARY, "help").stdout == run(BINARY, "--help").stdout
    assert re.search(r"^  list  .*\n(.*\n)*  verify ", run(BINARY, "audit", "--help").stdout, re.M)
    result = run(BINARY, "completion", "tcsh", is_checked=False)
    assert result.returncode == 2 and "bash|zsh|fish" in result.stderr


BASH = """
source <("{binary}" completion bash)
COMP_WORDS=({words} {last}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
complete -p certvendor >/dev/null && _certvendor
printf '%s\n' "${{COMPREPLY[@]}}"
"""

ZSH = """
autoload -Uz compinit && compinit -D -u
source <("{binary}" completion zsh)
[[ $_comps[certvendor] = _certvendor ]] || exit 1
compadd() {{ shift; print -l -- ${{(M)@:#{last}*}} }}
_files() {{ print -l -- *(N) }}
words=({words} {last}); CURRENT=$#words
_certvendor
"""

FISH = """
"{binary}" completion fish | source
complete -C '{line}'
"""


class Shell:
    def __init__(self, name, script, options):
        self.name = name
        self.script = script
        self.options = options

    def complete(self, folder, *words, last=""):
        script = self.script.format(
            binary=BINARY, words=" ".join(("certvendor", *words)), last=f"'{last}'",
            line=" ".join(("certvendor", *words, last)))
        if self.name == "zsh":
            script = script.replace(f":#'{last}'*", f":#{last}*")
        result = subprocess.run(
            [self.name, *self.options, "-c", script], capture_output=True, text=True, timeout=60, check=False,
            cwd=folder, env=clean_environment(HOME=str(folder), XDG_CONFIG_HOME=str(folder)))
        assert result.returncode == 0 and result.stderr == "", (self.name, result)
        return {line.split("\t")[0] for line in result.stdout.splitlines() if line}


SHELLS = [Shell("bash", BASH, ("--norc", "--noprofile")), Shell("zsh", ZSH, ("-f",)), Shell("fish", FISH, ("-N",))]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_completion(tmp_path, shell):
    (tmp_path / "some.csr").write_text("")
    verbs = shell.complete(tmp_path)
    assert set(verbs_with_acts()) | {"serve", "init", "completion", "help"} <= verbs
    assert shell.complete(tmp_path, last="devi") == {"device"}
    assert shell.complete(tmp_path, "completion") == {"bash", "zsh", "fish"}
    for announce in ("explicit", "implied"):
        assert announce in shell.complete(tmp_path, "--json", "group", "set", "x", "--announce")
    assert shell.complete(tmp_path, "group", "set", "x", "--announce", last="im") == {"implied"}
    assert "some.csr" in shell.complete(tmp_path, "gateway", "add", "x", "--csr")
    assert "some.csr" in shell.complete(tmp_path, "demo", "--socket")
    assert shell.complete(tmp_path, "device", "list", "--limit") <= {"some.csr"}
    assert "list" in shell.complete(tmp_path, "--server", "list", "device"), "the value of an option"
    assert "--expect" in shell.complete(tmp_path, "audit", "--config", "x", "verify", last="--")
    assert {"--version", "--config", "--server"} <= shell.complete(tmp_path, last="--")
    assert "--config" in shell.complete(tmp_path, "serve", last="--")
    assert "--config" not in shell.complete(tmp_path, "device", "list", last="--")
    assert "--factory" in shell.complete(tmp_path, "device", "list", last="--")
    offered = shell.complete(tmp_path, "operator-token", "create", last="--")
    assert "--factories" in offered and "--factory" not in offered, "it is refused"


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_completion_knows_the_words_of_an_option(tmp_path, shell):
    """Those of the verb; the same option has others with another one."""
    for words, expected in (
            (("factory", "set", "x", "--announce"), {"explicit", "implied"}),
            (("group", "set", "x", "--announce"), {"explicit", "implied", "factory"}),
            (("init", "--announce"), {"explicit", "implied"}),
            (("authority", "import", "x", "--kind"), {"root", "offline", "bootstrap"}),
            (("authority", "list", "--kind"), {"root", "online", "offline", "bootstrap"}),
            (("device", "list", "--state"), {"ok", "held", "deleted", "revoked"}),
            (("--json", "webhook", "deliveries", "x", "--state"), {"pending", "done", "dead"}),
            (("rotation-group", "list", "--state"), {"running", "paused", "done", "ended"}),
            (("webhook", "list", "--type"), {"webhook", "push"})):
        assert shell.complete(tmp_path, *words) == expected, words
    assert {"key-changed", "certificate-revoked"} <= shell.complete(tmp_path, "webhook", "add", "x", "--events")
    assert {"rfc9440", "sha1"} <= shell.complete(tmp_path, "gateway", "add", "x", "--source")
    assert {"keyCompromise", "superseded"} <= shell.complete(tmp_path, "device", "revoke", "x", "--reason")
    assert shell.complete(tmp_path, "device", "revoke", "x", "--reason", last="key") == {"keyCompromise"}
    assert "keyCompromise" not in shell.complete(tmp_path, "device", "hold", "x", "--reason")
    (tmp_path / "folder").mkdir()
    assert {"folder", "folder/"} & shell.complete(tmp_path, "init", "--directory")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_completion_knows_the_options_of_the_machine(tmp_path, shell):
    told = run(BINARY, "help").stdout.split("over the API of a running server:\n")[0]
    for words in re.findall(r"^  ((?:\S+ )+) ", told, re.M):
        words = words.split()
        if words[0] in ("completion", "version", "help"):
            continue
        known = set(re.findall(r"--[a-z-]+", run(BINARY, *words, "--help").stdout)) | {"--help"}
        offered = {word for word in shell.complete(tmp_path, *words, last="--") if word.startswith("--")}
        assert offered == known, words


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell.name)
def test_completion_knows_every_act_and_option(tmp_path, shell):
    for verb, acts in verbs_with_acts().items():
        if acts:
            assert {*acts, *acts_without_server(verb)} == shell.complete(tmp_path, verb) - {"--help"}, verb
        for act in acts or [""]:
            words = (verb, act) if act else (verb,)
            offered = {word for word in shell.complete(tmp_path, *words, last="--") if word.startswith("--")}
            assert {f"--{name}" for name in options_of(*words)} == offered - {"--config"}, words
