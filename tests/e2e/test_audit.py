"""The audit trail: chained by running servers, verified from the database alone."""
import re

from certvendor_lab import Lab, wait_until


def verify(lab, *words):
    return lab.program("audit", "verify", *words, is_checked=False)


def wait_for_chain(lab):
    wait_until(lambda: lab.query("SELECT count(*) FROM certvendor.audit WHERE position IS NULL") == [["0"]],
               "every row is chained")


def place_in(output):
    return re.search(r"the last is (\d+:[0-9a-f]{64})\n", output).group(1)


def test_audit_verify(make_lab):
    lab = make_lab().start()
    lab.enrolled_device().rotate()
    wait_for_chain(lab)
    good = verify(lab)
    assert good.returncode == 0 and good.stdout.startswith("audit trail is good: "), good
    place = place_in(good.stdout)
    rows = int(lab.query("SELECT count(*) FROM certvendor.audit")[0][0])
    assert place.startswith(f"{rows}:") and rows >= 4
    assert verify(lab, "--expect", place).returncode == 0
    # The log has noted a place, too.
    wait_until(lambda: lab.events("audit-chained"), "a noted place")
    noted = lab.events("audit-chained")[0]
    assert verify(lab, "--expect", f"{noted['position']}:{noted['hash']}").returncode == 0
    # It goes on after a restart, and needs no server to be verified.
    lab.enrolled_device()
    assert lab.stop() == 0
    wait_for_chain(lab)
    offline = verify(lab, "--expect", place)
    assert offline.returncode == 0 and place_in(offline.stdout) != place

    wrong = place[:-1] + ("0" if place[-1] != "0" else "1")
    other = verify(lab, "--expect", wrong)
    assert other.returncode == 1 and "is not in the chain" in other.stdout
    lab.query("SET session_replication_role = replica; "
              "UPDATE certvendor.audit SET actor = 'nobody' WHERE position = 3")
    bad = verify(lab)
    assert bad.returncode == 1
    assert bad.stdout.startswith("audit trail is NOT good: row 3 (id ")
    assert "2 rows are good" in bad.stdout


def test_the_service_cannot_rewrite_the_chain(make_lab):
    lab = make_lab().start()
    lab.enrolled_device()
    wait_for_chain(lab)
    for statement in ("UPDATE certvendor.audit SET hash = sha256('') WHERE position = 1",
                      "UPDATE certvendor.audit SET position = NULL, hash = NULL",
                      "UPDATE certvendor.audit SET actor = 'x'", "DELETE FROM certvendor.audit"):
        refused = lab.query(f"""
            DO $$ BEGIN
                SET LOCAL ROLE certvendor_service;
                {statement};
                RAISE EXCEPTION 'it worked';
            EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
            SELECT 'refused'""")
        assert refused == [["refused"]], statement
    assert verify(lab).returncode == 0


def test_two_servers_make_one_chain(make_lab, request):
    first = make_lab().start()
    second = Lab(f"{first.database}-b", first.postgres)
    second.database = first.database
    second.settings = {"signer": {"directory": first.folder / "pki"}}
    second.write_config()
    second.start()
    try:
        for _ in range(5):
            first.enrolled_device()
        wait_for_chain(first)
        assert verify(second).returncode == 0
    finally:
        second.close()


def test_usage(lab):
    for words in ([], ["nonsense"], ["verify", "--expect", "1"], ["verify", "--expect", "x:y"], ["verify", "more"]):
        assert lab.program("audit", *words, is_checked=False).returncode == 2, words
    assert "audit verify" in lab.program("audit", "verify", "--help").stdout
