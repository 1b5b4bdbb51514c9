"""EST as bytes: paths, media types, base64, errors, TLS and cacerts."""
import base64
import re
import socket
import ssl
import subprocess
import time

import pytest
from cryptography import x509

from certvendor_lab import (BINARY, EST, FACTORY, Authority, Identity, Key, Raw, certificates_in, clean_environment,
                            issued, rfc9440, run, self_signed, wait_until)
from est_client import Est, device_name, make_key, outcome, request
from est_lab import add_authority, ca_certificate

est = pytest.mark.est
OPERATIONS = {"cacerts": "GET, HEAD", "csrattrs": "GET, HEAD", "simpleenroll": "POST",
              "simplereenroll": "POST"}


def subjects(answer):
    found = certificates_in(base64.b64decode(answer.body))
    return [run("openssl", "x509", "-noout", "-subject", "-nameopt", "multiline",
                stdin=ssl.DER_cert_to_PEM_cert(der)).stdout.rsplit("= ", 1)[1].strip() for der in found]


def raw_answer(lab, text, identity=None):
    """Head and body as they came."""
    with Raw(lab.ports["device"], lab.root, identity) as raw:
        raw.send(text)
        while b"\r\n\r\n" not in raw.buffer:
            raw._fill()  # pylint: disable=protected-access
        head, body = raw.buffer.split(b"\r\n\r\n", 1)
        raw.buffer = body
        length = int(re.search(rb"\r\nContent-Length: (\d+)", head)[1])
        while len(raw.buffer) < length:
            raw._fill()  # pylint: disable=protected-access
        return head.decode(), raw.buffer


def post_text(path, body, more=""):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n{body}")


def reenrol_text(device, more=""):
    csr = request(make_key(), device.subject)
    return post_text(f"{EST}/simplereenroll", base64.b64encode(csr).decode(), more)


@pytest.fixture(scope="module")
def door(est_lab):
    return Est(est_lab)


@pytest.fixture(scope="module")
def device(door):
    return door.enrolled()


# ---- 1 Paths and methods -----------------------------------------------------------------------


@est("1.1", "1.2")
def test_labels_have_their_own_authorities(est_lab, door):
    assert subjects(door.get("cacerts"))[0].endswith("device CA 1")
    assert subjects(Est(est_lab, "second").get("cacerts"))[0] == "second CA"
    assert subjects(Est(est_lab, "other").get("cacerts")) == ["other-1 CA"]
    second = Est(est_lab, "second").enrolled()
    assert "second CA" in run("openssl", "x509", "-noout", "-issuer", "-in",
                              second.identity.certificate).stdout


@est("1.3")
@pytest.mark.parametrize("label,status", [
    ("%73econd", 200), ("second%2F", 404), ("..", 404), ("%2e%2e", 404), ("second%00", 404),
    ("l" * 129, 404), ("Second", 404)])
def test_label_spelling(est_lab, label, status):
    assert est_lab.send("device", "GET", f"{EST}/{label}/cacerts").status == status


@est("1.4")
def test_a_label_is_not_named_like_an_operation(est_lab):
    path = est_lab.folder / "reserved.conf"
    for label in ("cacerts", "fullcmc", "serverkeygen", "a/b", "l" * 60):
        path.write_text(est_lab.config.read_text() + f"\n[est.{label}]\nfactory = demo\n")
        result = run(BINARY, "--config", path, "check-config", is_checked=False)
        assert result.returncode == 78 and "label" in result.stderr, label
    assert est_lab.send("device", "GET", f"{EST}/cacerts/cacerts").status == 404


@est("1.5")
def test_unknown_label_comes_first(est_lab):
    nowhere = Est(est_lab, "nowhere")
    assert outcome(nowhere.send("simpleenroll", b"", media=None)) == (404, "not-found")
    # Before the body, which is none and too large.
    head, body = raw_answer(est_lab, f"POST {nowhere.path}/simpleenroll HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
    assert head.startswith("HTTP/1.1 404 ") and body.startswith(b"not-found ")


@est("1.6")
def test_what_is_off_is_not_there(est_lab):
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in ("reading/simpleenroll", "reading/csrattrs", "serverkeygen", "fullcmc",
                     "second/serverkeygen"):
            answer = est_lab.send("device", method, f"{EST}/{path}", body=b"x" if method != "GET" else None)
            assert outcome(answer) == (404, "not-found"), (method, path)
    assert Est(est_lab, "reading").get("cacerts").status == 200


@est("1.7")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_method(est_lab, operation):
    wrong = ["PUT", "DELETE"] + (["POST"] if "GET" in OPERATIONS[operation] else ["GET"])
    for prefix in ("", "second/"):
        for method in wrong:
            answer = est_lab.send("device", method, f"{EST}/{prefix}{operation}")
            assert (answer.status, answer.headers["Allow"]) == (405, OPERATIONS[operation])


@est("1.8")
def test_slashes_queries_and_case(est_lab):
    for path, status in (("//cacerts", 200), ("/cacerts/", 404), ("/cacerts?x=1", 200), ("/CACERTS", 404),
                         ("/second//cacerts", 200)):
        assert est_lab.send("device", "GET", EST + path).status == status, path


@est("1.15")
def test_a_label_may_stand_in_front(est_lab):
    for label in ("second", "p384", FACTORY):
        inside, front = (est_lab.send("device", "GET", path) for path in (f"{EST}/{label}/cacerts",
                                                                          f"/{label}{EST}/cacerts"))
        assert (front.status, front.body) == (200, inside.body)
    for path, status in ((f"/nowhere{EST}/cacerts", 404), (f"/second{EST}/p384/cacerts", 404),
                         (f"/second{EST}/serverkeygen", 404), (f"/a/second{EST}/cacerts", 404),
                         (f"/second{EST}//cacerts", 200)):
        assert est_lab.send("device", "GET", path).status == status, path
    csr = base64.b64encode(request(make_key(), device_name("in-front")))
    answer = est_lab.send("device", "POST", f"/second{EST}/simpleenroll", body=csr, headers={
        "Content-Type": "application/pkcs10"})
    assert answer.status == 401
    assert est_lab.send("gateway", "GET", f"/second{EST}/cacerts", est_lab.gateway).status == 404


@est("1.9")
def test_nothing_redirects(est_lab, device):
    for path in ("", "/", "/cacerts", "/simpleenroll", "/second", "/second/"):
        for method in ("GET", "POST", "PUT"):
            answer = est_lab.send("device", method, EST + path, device.identity)
            assert answer.status // 100 != 3 and "Location" not in answer.headers


@est("1.10")
def test_not_over_plain_http(est_lab):
    with Raw(est_lab.ports["device"]) as raw:
        raw.send(f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" not in raw.everything()
    assert est_lab.send("public", "GET", f"{EST}/cacerts").status == 404


@est("1.11")
def test_connections(est_lab, device):
    with Raw(est_lab.ports["device"], est_lab.root, device.identity) as raw:
        raw.send(f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        begin = time.monotonic()
        assert raw.everything().startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begin < 5
    with Raw(est_lab.ports["device"], est_lab.root, device.identity) as raw:
        get = "GET {0}/{1} HTTP/1.1\r\nHost: x\r\n\r\n"
        raw.send(get.format(EST, "cacerts") + get.format(EST, "csrattrs") + reenrol_text(device))
        assert [raw.answer().status for _ in range(3)] == [200, 204, 200]


@est("1.12")
def test_two_lengths(est_lab):
    for framing in ("Content-Length: 2\r\nContent-Length: 2\r\n",
                    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"):
        with Raw(est_lab.ports["device"], est_lab.root) as raw:
            raw.send(f"POST {EST}/simpleenroll HTTP/1.1\r\nHost: x\r\n{framing}\r\n{{}}")
            assert raw.everything().startswith(b"HTTP/1.1 400")


@est("1.12")
@pytest.mark.parametrize("version,framing,status", [
    ("1.1", "Transfer-Encoding: chunked", 415), ("1.0", "Transfer-Encoding: chunked", 400),
    ("1.0", "Content-Length: 0", 415)])
def test_http_1_0_knows_no_chunks(est_lab, version, framing, status):
    with Raw(est_lab.ports["device"], est_lab.root) as raw:
        raw.send(f"POST {EST}/simpleenroll HTTP/{version}\r\nHost: x\r\nConnection: keep-alive\r\n{framing}\r\n\r\n")
        if status == 400:
            assert raw.everything().split()[1:2] == [b"400"]
        else:
            if "chunked" in framing:
                raw.send("0\r\n\r\n")
            assert raw.answer().status == status


@est("1.13")
def test_accept_refuses_nothing(door):
    for accept in ("text/plain", "application/json", "*/*;q=0"):
        assert door.get("cacerts", headers={"Accept": accept}).status == 200


@est("1.14")
def test_request_ids(est_lab, door):
    answer = door.get("cacerts", headers={"X-Request-Id": "est-row.1"})
    assert answer.headers["X-Request-Id"] == "est-row.1"
    assert len(door.get("cacerts").headers["X-Request-Id"]) < 64
    strange = door.get("cacerts", headers={"X-Request-Id": "a" * 200 + "\x1b[31m"}).headers["X-Request-Id"]
    assert len(strange) < 64 and "\x1b" not in strange
    assert '"request_id":"est-row.1"' in est_lab.log.read_text()
    assert "\x1b" not in est_lab.log.read_text()


@est("1.16")
def test_log_lines_of_refusals(est_lab, device):
    """Who was refused where, at three in the morning."""
    csr = request(make_key(), device.subject)
    stranger = self_signed(est_lab.device().new_key())
    for number, (label, identity, body, reason) in enumerate([
            ("keygen", device.identity, b"", "bad-base64"),
            ("keygen", stranger, base64.b64encode(csr), "bad-client-cert"),
            ("keygen", None, base64.b64encode(csr), "no-client-cert"),
            (None, device.identity, b"", "bad-base64")]):
        path = f"{EST}/{label}/simplereenroll" if label else f"{EST}/simplereenroll"
        answer = est_lab.send("device", "POST", path, identity, body, [
            ("Content-Type", "application/pkcs10"), ("X-Request-Id", f"refused-{number}")])
        assert answer.reason == reason
        wait_until(lambda: [line for line in est_lab.events("request")
                            if line["request_id"] == f"refused-{number}"], "log line")
        [line] = [line for line in est_lab.events("request") if line["request_id"] == f"refused-{number}"]
        assert (line.get("label"), line["reason"]) == (label, reason)
        assert line.get("fingerprint") == (identity.sha256 if identity else None)
    # The next request of a connection inherits nothing.
    with est_lab.client("gateway", est_lab.gateway) as client:
        for number, headers in enumerate(([("Client-Cert", rfc9440(device.identity.der))], [])):
            assert client.send("GET", "/v1/check", headers=[
                *headers, ("X-Request-Id", f"checked-{number}")]).status == (403 if number else 200)
    wait_until(lambda: [line for line in est_lab.events("request")
                        if line["request_id"] == "checked-1"], "log line")
    [line] = [line for line in est_lab.events("request") if line["request_id"] == "checked-1"]
    assert "fingerprint" not in line


# ---- 2 Media types and base64 ------------------------------------------------------------------


@est("2.1")
@pytest.mark.parametrize("media,status", [
    ("application/pkcs10", 200), ("Application/PKCS10; charset=utf-8", 200), ("application/pkcs10x", 415),
    ("text/plain", 415), ("application/octet-stream", 415), (None, 415)])
def test_media_type_of_requests(door, device, media, status):
    body = base64.b64encode(request(make_key(), device.subject))
    answer = door.send("simplereenroll", body, device.identity, media=media)
    assert answer.status == status
    assert status == 200 or answer.reason == "media-type"


@pytest.fixture(scope="module")
def repeated(door):
    """A request that is answered by the same certificate however often it is sent."""
    holder = door.enrolled()
    csr = request(make_key(), holder.subject)
    first = issued(door.reenrol(csr, holder.identity))

    def send(body, **more):
        answer = door.send("simplereenroll", body, holder.identity, **more)
        return issued(answer) == first if answer.status == 200 else outcome(answer)

    return csr, send


@est("2.2")
@pytest.mark.parametrize("value", [None, "base64", "binary", "7bit", "\x7fgarbage"])
def test_transfer_encoding_of_requests_is_not_read(repeated, value):
    csr, send = repeated
    headers = {} if value is None else {"Content-Transfer-Encoding": value}
    assert send(base64.b64encode(csr), headers=headers) is True


def wrapped(text, columns, end):
    return end.join(text[i:i + columns] for i in range(0, len(text), columns))


@est("2.3", "2.4")
@pytest.mark.parametrize("shape", [
    lambda text: text, lambda text: wrapped(text, 64, "\n"), lambda text: wrapped(text, 76, "\r\n"),
    lambda text: wrapped(text, 64, "\r"), lambda text: wrapped(text, 10, "\t "),
    lambda text: "\r\n" + text, lambda text: text + "\r\n\r\n", lambda text: wrapped(text, 1, "\n")])
def test_white_space_in_requests(repeated, shape):
    csr, send = repeated
    assert send(shape(base64.b64encode(csr).decode()).encode()) is True


@est("2.4")
def test_a_long_line(est_lab):
    csr = request(make_key("RSA-4096"), device_name("long-line"))
    assert Est(est_lab).enrol(csr, "long-line").status == 200


@est("2.5")
def test_what_is_not_base64(repeated):
    csr, send = repeated
    text = base64.b64encode(csr)
    assert text.endswith(b"=") or len(csr) % 3 == 0
    for body in (text[:-1], text.replace(b"+", b"-").replace(b"/", b"_") + b"_", text + b"AAAA=", b"",
                 text[:40] + b"\0" + text[40:], csr):
        assert send(body) == (400, "bad-base64"), body[:20]


@est("2.6")
def test_pem_is_taken_too(repeated):
    csr, send = repeated
    for kind in ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"):
        text = wrapped(base64.b64encode(csr).decode(), 64, "\n")
        assert send(f"-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n".encode()) is True


@est("2.7")
def test_only_der(repeated):
    csr, send = repeated
    indefinite = b"\x30\x80" + csr[4:] + b"\0\0"
    longer = b"\x30\x83\0" + csr[2:4] + csr[4:]
    for body in (csr + b"\0", indefinite, longer, csr[:-1]):
        assert send(base64.b64encode(body)) == (400, "bad-csr")


@est("2.8")
def test_body_limit(est_lab, device):
    head = f"POST {EST}/simplereenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
    with Raw(est_lab.ports["device"], est_lab.root, device.identity) as raw:
        raw.send(head + "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n")
        answer = raw.everything()
        assert answer.startswith(b"HTTP/1.1 413") and b"100 Continue" not in answer
    with Raw(est_lab.ports["device"], est_lab.root, device.identity) as raw:
        raw.send(head + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + "A" * 65537 + "\r\n0\r\n\r\n")
        assert raw.answer().reason == "too-large"
    with Raw(est_lab.ports["device"], est_lab.root, device.identity) as raw:
        raw.send(head + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert raw.answer().status == 100
    csr = base64.b64encode(request(make_key(), device.subject))
    answer = Est(est_lab).send("simplereenroll", csr + b"\n" * (65536 - len(csr)), device.identity)
    assert answer.status == 200


@est("2.9")
def test_a_slow_body_is_cut(make_lab):
    lab = make_lab(settings={"server": {"request_timeout": "2"}}).start()
    with lab.raw("device") as raw:
        raw.send(post_text(f"{EST}/simpleenroll", "A" * 500)[:-400])
        assert raw.is_closed_by_server() or raw.answer().status == 408


@est("2.10")
def test_answer_of_an_enrolment_byte_by_byte(est_lab, device):
    head, body = raw_answer(est_lab, reenrol_text(device), device.identity)
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "Content-Type: application/pkcs7-mime; smime-type=certs-only" in lines
    assert "Content-Transfer-Encoding: base64" in lines
    assert "Cache-Control: no-store" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert not re.search("transfer-encoding: chunked", head, re.IGNORECASE)
    assert body.endswith(b"\r\n") and body.count(b"\n") == 1 and b" " not in body


@est("2.11")
@pytest.mark.parametrize("agent,label,status,media", [
    ("Go-http-client/1.1", "", 201, "application/pkcs7-mime"),
    ("Go-http-client/2.0", "", 201, "application/pkcs7-mime"),
    ("Go-http-client/1.1", "plain", 200, "application/pkcs7-mime; smime-type=certs-only"),
    ("curl/8 Go-http-client", "", 200, "application/pkcs7-mime; smime-type=certs-only")])
def test_go_clients(est_lab, device, agent, label, status, media):
    answer = device.renew(est=Est(est_lab, label), headers={"User-Agent": agent})
    assert (answer.status, answer.headers["Content-Type"]) == (status, media)


@est("2.12", "2.13")
def test_answer_of_cacerts_byte_by_byte(est_lab):
    head, body = raw_answer(est_lab, f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
    lines = head.split("\r\n")
    assert "Content-Type: application/pkcs7-mime" in lines
    assert "Content-Transfer-Encoding: base64" in lines and "Cache-Control: max-age=60" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert body.endswith(b"\r\n") and body.count(b"\n") == 1


@est("2.13")
@pytest.mark.parametrize("agent,label,columns", [
    ("libest 1.0", "", 64), ("libest", "second", 64), ("curl/8", "", 0), ("libest", "plain", 76),
    ("curl/8", "plain", 76)])
def test_line_lengths(est_lab, agent, label, columns):
    body = Est(est_lab, label).get("cacerts", headers={"User-Agent": agent}).body
    assert body.endswith(b"\r\n") and not body.endswith(b"\r\n\r\n")
    lines = body[:-2].split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    if columns == 0:
        assert len(lines) == 1
    else:
        assert {len(line) for line in lines[:-1]} == {columns} and 0 < len(lines[-1]) <= columns


@est("2.14")
def test_certs_only(device, est_lab):
    for answer in (device.renew(), Est(est_lab).get("cacerts")):
        der = base64.b64decode(answer.body)
        text = run("openssl", "asn1parse", "-inform", "DER", "-in", write(est_lab, der)).stdout
        assert "pkcs7-signedData" in text and "pkcs7-data" in text
        assert re.search(r"prim: INTEGER +:01", text)
        # digestAlgorithms and signerInfos are empty, and there is no [1] for CRLs at their level.
        assert len(re.findall(r"d=3 +hl=2 l= +0 cons: SET", text)) == 2
        assert not re.search(r"d=3 .*cont \[ 1 \]", text)
    assert len(certificates_in(base64.b64decode(device.renew().body))) == 1


def write(lab, data):
    path = lab.keys / "written"
    path.write_bytes(data)
    return path


@est("2.15")
def test_headers_are_small_and_spelled_as_usual(est_lab, device):
    texts = [f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\n\r\n", reenrol_text(device),
             f"GET {EST}/simpleenroll HTTP/1.1\r\nHost: x\r\n\r\n",
             f"GET {EST}/both/csrattrs HTTP/1.1\r\nHost: x\r\n\r\n",
             post_text(f"{EST}/simpleenroll", base64.b64encode(request(make_key(), device.subject)).decode())]
    for text in texts:
        for identity in (None, device.identity):
            head, _ = raw_answer(est_lab, text.replace("\r\n", "\r\nX-Request-Id: " + "r" * 63 + "\r\n", 1),
                                 identity)
            assert len(head) + 4 < 900
            for name in re.findall(r"\r\n([A-Za-z-]+):", head):
                assert name in ("Date", "Content-Type", "Content-Length", "Content-Transfer-Encoding", "Allow",
                                "Cache-Control", "ETag", "X-Request-Id", "WWW-Authenticate", "Retry-After"), name


# ---- 3 Errors and challenges -------------------------------------------------------------------


@est("3.1")
def test_errors_are_short_texts(est_lab, door, device):
    answers = [door.get("nothing"), door.get("simpleenroll"),
               door.send("simplereenroll", b"?", device.identity), door.send("simplereenroll", b"x"),
               door.send("simplereenroll", b"x", device.identity, media="text/plain"),
               device.renew(subject=device_name("somebody-else"))]
    for answer in answers:
        assert answer.status >= 400
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert 0 < len(answer.body) < 512 and re.match(rb"[a-z0-9-]+ [A-Za-z]", answer.body)
        assert answer.headers["Cache-Control"] == "no-store"
        text = answer.body.decode().lower()
        assert not any(word in text for word in ("select ", "sql", "/work", ".c:", device.device))


@est("3.2")
def test_the_challenge(est_lab, door):
    answer = door.post("simpleenroll", request(make_key(), device_name("nobody")))
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (401, b"", "0")
    schemes = ['Basic realm="certvendor", charset="UTF-8"', 'Bearer realm="certvendor"']
    assert answer.headers.get_all("WWW-Authenticate") == schemes
    answer = Est(est_lab, "bearer").post("simpleenroll", request(make_key(), device_name("nobody")))
    assert answer.headers.get_all("WWW-Authenticate") == schemes[::-1]


@est("3.3")
def test_no_challenge_where_no_password_helps(est_lab, door):
    csr = request(make_key(), device_name("nobody"))
    assert outcome(door.post("simplereenroll", csr)) == (403, "no-client-cert")
    for label in ("by-device", "by-maker"):
        assert outcome(Est(est_lab, label).post("simpleenroll", csr)) == (403, "no-client-cert")


@est("3.4")
def test_a_wrong_certificate_is_not_saved_by_a_password(est_lab, door):
    stranger = Authority(est_lab.keys).sign(Key(est_lab.keys, "/CN=stranger"))
    answer = door.enrol(request(make_key(), device_name("stranger")), "stranger", identity=stranger)
    assert outcome(answer) == (403, "bad-client-cert")


@est("3.5")
def test_database_away(own_postgres, make_lab):
    lab = make_lab(own_postgres).start()
    door = Est(lab)
    device = door.enrolled()
    own_postgres.stop()
    begin = time.monotonic()
    answer = device.renew()
    assert outcome(answer) == (503, "unavailable") and answer.headers["Retry-After"].isdigit()
    assert time.monotonic() - begin < 10
    assert door.get("cacerts").status == 200 and door.get("csrattrs").status == 204
    own_postgres.start()


# ---- 4 TLS -------------------------------------------------------------------------------------


def s_client(lab, *words, stdin=""):
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{lab.ports['device']}", *words], input=stdin,
        capture_output=True, text=True, timeout=20, env=clean_environment(), check=False)


@est("4.1")
def test_tls_versions(est_lab):
    for flag, is_good in (("-tls1_2", True), ("-tls1_3", True), ("-tls1_1", False), ("-tls1", False)):
        result = s_client(est_lab, flag, "-cipher", "ALL:@SECLEVEL=0")
        assert ("Cipher is (NONE)" not in result.stdout) == is_good, (flag, result.stdout)


@est("4.2")
def test_ciphers(est_lab):
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        assert "Cipher is (NONE)" not in s_client(est_lab, "-tls1_2", "-cipher", cipher).stdout, cipher
    for cipher in ("aNULL", "eNULL", "AES128-SHA", "AES128-GCM-SHA256", "DHE", "ECDHE-ECDSA-AES128-SHA",
                   "ECDHE-ECDSA-AES128-SHA256", "SRP"):
        result = s_client(est_lab, "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")
        assert "Cipher is (NONE)" in result.stdout or result.returncode != 0, cipher


@est("4.3")
def test_no_sha1_and_no_names_in_the_certificate_request(est_lab, device):
    for flag in ("-tls1_2", "-tls1_3"):
        text = s_client(est_lab, flag, "-cert", device.identity.certificate, "-key",
                        device.identity.key).stdout
        assert "No client certificate CA names sent" in text
        algorithms = re.search("Requested Signature Algorithms: (.*)", text)[1]
        assert "SHA256" in algorithms and "SHA1" not in algorithms


@est("4.4")
def test_the_client_certificate_is_optional(est_lab, door, device):
    assert door.get("cacerts").status == 200
    assert door.get("cacerts", identity=device.identity).status == 200


@est("4.5")
def test_no_resumption_renegotiation_or_early_data(est_lab):
    text = s_client(est_lab, "-tls1_2", "-reconnect").stdout
    assert text.count("New, ") >= 6 and "Reused, " not in text
    assert "Early data was not sent" in s_client(est_lab, "-tls1_3").stdout
    text = s_client(est_lab, "-tls1_2", stdin=f"R\nGET {EST}/cacerts HTTP/1.0\r\n\r\n").stdout
    assert "Compression: NONE" in text
    assert "200 OK" not in text
    assert Est(est_lab).get("cacerts").status == 200


@est("4.6")
def test_the_certificate_is_judged_at_each_request(est_lab):
    holder = Est(est_lab).enrolled()
    with est_lab.client("device", holder.identity) as client:
        assert client.send("GET", "/device").status == 200
        assert est_lab.operator("POST", f"/v1/devices/{holder.device}/revoke", {}).status == 200
        answer = client.send("GET", "/device")
        assert outcome(answer) == (403, "denied")


@est("4.7")
def test_header_of_a_proxy_is_not_believed(est_lab, device):
    answer = Est(est_lab).post("simplereenroll", request(make_key(), device.subject),
                               headers={"Client-Cert": rfc9440(device.identity.der)})
    assert outcome(answer) == (403, "no-client-cert")


@est("4.8")
def test_chains_of_clients(est_lab, device):
    leaf, pki = device.identity.pem, est_lab.folder / "pki"
    issuer, root = (pki / "device-ca.pem").read_text(), (pki / "root.pem").read_text()
    for i, chain in enumerate((leaf, leaf + issuer, leaf + issuer + root, leaf + root + issuer)):
        path = est_lab.keys / f"chain-{i}.pem"
        path.write_text(chain)
        assert device.est.reenrol(request(make_key(), device.subject),
                                  Identity(path, device.identity.key)).status == 200, i


USAGES = (
    ("", 200),
    ("extendedKeyUsage=clientAuth", 200),
    ("extendedKeyUsage=critical,serverAuth,clientAuth", 200),
    ("extendedKeyUsage=anyExtendedKeyUsage", 200),
    ("extendedKeyUsage=serverAuth", 403),
    ("keyUsage=critical,digitalSignature,keyAgreement", 200),
    ("keyUsage=critical,keyEncipherment", 403),
    ("keyUsage=nonRepudiation", 403),
    ("keyUsage=keyAgreement\nextendedKeyUsage=clientAuth", 403),
    ("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign", 403),
)


@pytest.fixture(name="usage_ca", scope="module")
def fixture_usage_ca(est_lab):
    authority = Authority(est_lab.keys, "/CN=Usage CA")
    assert est_lab.operator("POST", "/v1/authorities", {
        "name": "usage", "kind": "offline", "certificate": authority.identity.pem}).status == 201
    return authority


def answer_to_hello(port, version):
    """The first octets, after a hello of a client that has this version and none later."""
    ciphers, curves, signatures = b"\0\4\xc0\x2b\xc0\x2f", b"\0\x0a\0\4\0\2\0\x17", b"\0\x0d\0\6\0\4\4\3\4\1"
    hello = version + bytes(32) + b"\0" + ciphers + b"\1\0" + b"\0\x12" + curves + signatures
    message = b"\1" + len(hello).to_bytes(3, "big") + hello
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"\x16\3\1" + len(message).to_bytes(2, "big") + message)
        return client.recv(7)


@pytest.mark.parametrize("door", ["device", "gateway", "operator"])
def test_an_old_version_of_tls_is_told_so(est_lab, door):
    for version in (b"\3\0", b"\3\1", b"\3\2"):
        answer = answer_to_hello(est_lab.ports[door], version)
        assert (answer[:1], answer[5:]) == (b"\x15", b"\2\x46"), version  # fatal, protocol_version
    assert answer_to_hello(est_lab.ports[door], b"\3\3")[:1] == b"\x16"


@est("4.9")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("usage, status", USAGES)
def test_usages_of_a_client_certificate(est_lab, usage_ca, usage, status, version):
    """What may not sign is refused in words, and has what needs no certificate: never an alert."""
    holder = est_lab.device()
    key = holder.new_key()
    extensions, leaf, csr = (key.path.with_suffix(f".usage.{end}") for end in ("conf", "pem", "csr"))
    extensions.write_text(usage)
    run("openssl", "req", "-inform", "DER", "-in", key.request_path, "-out", csr)
    run("openssl", "x509", "-req", "-in", csr, "-CA", usage_ca.identity.certificate, "-CAkey",
        usage_ca.identity.key, "-days", "30", "-extfile", extensions, "-out", leaf)
    with est_lab.client("device", Identity(leaf, key.path)) as client:
        context = client.connection._context  # pylint: disable=protected-access
        context.minimum_version = context.maximum_version = version
        assert client.send("GET", f"{EST}/cacerts").status == 200
        answer = client.send("GET", "/device")
        assert answer.status == status
        assert status == 200 or outcome(answer) == (403, "bad-client-cert")
    assert est_lab.operator("GET", f"/v1/devices/{holder.name}").status == (200 if status == 200 else 404)


# ---- 5 cacerts ---------------------------------------------------------------------------------


@est("5.1", "5.2")
def test_the_set_verifies_what_is_issued(est_lab):
    for label in ("", "second", "p384", "ed", "rsa"):
        door = Est(est_lab, label)
        answer = door.get("cacerts")
        assert door.get("cacerts").body == answer.body
        found = certificates_in(base64.b64decode(answer.body))
        assert len(found) == 2
        paths = []
        for i, der in enumerate(found):
            path = est_lab.keys / f"set-{i}.pem"
            path.write_text(ssl.DER_cert_to_PEM_cert(der))
            assert "CA:TRUE" in run("openssl", "x509", "-noout", "-text", "-in", path).stdout
            paths.append(path)
        assert paths[1].read_text().strip() == est_lab.root.read_text().strip()
        run("openssl", "verify", "-x509_strict", "-CAfile", paths[1], "-untrusted", paths[0],
            door.enrolled().identity.certificate)


@est("5.9")
def test_the_set_is_sent_again_only_when_it_changed(make_lab):
    lab = make_lab().start()
    door = Est(lab)
    first = door.get("cacerts")
    tag = first.headers["ETag"]
    assert re.fullmatch(r'W/"[0-9a-f]{64}"', tag)
    for known in (tag, tag[2:], f'"other", {tag}', "*"):
        answer = door.get("cacerts", headers={"If-None-Match": known})
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == tag and answer.headers["Cache-Control"] == "max-age=60"
        assert "Content-Type" not in answer.headers
    # On the wire: the length of what is not sent, and nothing behind the head.
    text = f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\n"
    with lab.raw("device") as raw:
        raw.send(f"{text}\r\n{text}Connection: close\r\n\r\n")
        heads = raw.everything().decode().split("\r\n\r\n")
    assert len(heads) == 3 and heads[2] == ""
    for head in heads[:2]:
        assert head.startswith("HTTP/1.1 304") and f"Content-Length: {len(first.body)}\r\n" in head + "\r\n"
    for other in ('W/"0"', tag[:-2] + '"', tag[3:-1], ""):
        answer = door.get("cacerts", headers={"If-None-Match": other})
        assert (answer.status, answer.body) == (200, first.body)
    lines = door.get("cacerts", headers={"User-Agent": "libest 1.0"})
    assert lines.headers["ETag"] == tag and lines.body != first.body

    add_root(lab, "later")
    answer = door.get("cacerts", headers={"If-None-Match": tag})
    assert answer.status == 200 and answer.headers["ETag"] != tag
    assert len(certificates_in(base64.b64decode(answer.body))) == 3


@est("5.3")
def test_expired_authorities(est_lab):
    assert outcome(Est(est_lab, "gone").get("cacerts")) == (503, "unavailable")
    token = est_lab.enrolment_token(device="late")
    answer = Est(est_lab, "gone").post("simpleenroll", request(make_key(), device_name("late")), token=token)
    assert outcome(answer) == (503, "unavailable")


def add_root(lab, name, factory=FACTORY):
    key = make_key()
    pem = ca_certificate(name, key, name, key, x509.SubjectKeyIdentifier.from_public_key(key.public_key()))
    order = {"name": name, "kind": "root", "certificate": pem}
    assert lab.operator("POST", f"/v1/authorities?factory={factory}", order).status == 201


@est("5.8")
def test_no_certificate_is_left_out(make_lab):
    lab = make_lab().start()
    door = Est(lab)
    few = certificates_in(base64.b64decode(door.get("cacerts").body))
    for i in range(34):
        add_root(lab, f"root-{i}")
    answers = [door.get("cacerts") for _ in range(3)]
    many = certificates_in(base64.b64decode(answers[0].body))
    assert len(many) == len(few) + 34 and many[:len(few)] == few and {answer.body for answer in answers} == {answers[0].body}
    assert not lab.events("cacerts-large")
    # Each factory is told of, and not those that are small.
    for factory, count in (("small", 1), ("large", 36)):
        assert lab.operator("POST", "/v1/factories", {"name": factory}).status == 201
        for i in range(count):
            add_root(lab, f"{factory}-{i}", factory)
    assert lab.stop() == 0
    lab.start()
    warnings = {warning["factory"]: warning for warning in lab.events("cacerts-large")}
    assert set(warnings) == {FACTORY, "large"}
    size = len(answers[0].body)
    assert warnings[FACTORY]["certificates"] == len(many)
    assert size > 12288 and 0 <= size - warnings[FACTORY]["octets"] < 200


@est("5.4")
def test_a_new_authority_is_shown_before_it_signs(make_lab):
    lab = make_lab()
    add_authority(lab, "next")
    lab.start()
    assert "next CA" in subjects(Est(lab).get("cacerts"))

    def issuer():
        holder = Est(lab).enrolled()
        return run("openssl", "x509", "-noout", "-issuer", "-in", holder.identity.certificate).stdout

    assert "device CA 1" in issuer()
    lab.query("UPDATE certvendor.authority SET created_at = now() - interval '2 hours'")
    wait_until(lambda: "next CA" in issuer(), "the new authority signs")
