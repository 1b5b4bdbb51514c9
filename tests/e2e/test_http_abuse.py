"""Requests that no honest client sends. Each is refused in words, and the server goes on."""
import base64
import threading
import time

import pytest

from certvendor_lab import EST, PATIENCE

GIBIBYTE = 1 << 30
ENROL = f"POST {EST}/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
MAKE_TOKEN = "POST /v1/enrolment-tokens HTTP/1.1\r\nHost: x\r\n"
HARMLESS = f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def still_answers(lab):
    yield
    assert lab.send("device", "GET", f"{EST}/cacerts").status == 200
    assert lab.operator("GET", "/v1/status").status == 200
    assert lab.check().status == 403
    assert lab.monitor("/readyz").status == 200
    assert lab.send("public", "GET", "/ca/demo.pem").status == 200


def each_door(lab):
    """A request that takes a body, at each door that has one."""
    yield "device", ENROL
    yield "operator", MAKE_TOKEN + f"Authorization: Bearer {lab.token}\r\n"


@pytest.mark.parametrize("framing", [
    "Content-Length: 2\r\nContent-Length: 2\r\n",
    "Content-Length: 2\r\nContent-Length: 30\r\n",
    "Content-Length: 2, 2\r\n",
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
    "Content-Length: -2\r\n",
    "Content-Length: +2\r\n",
    "Content-Length: 0x2\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Content-Length : 2\r\n",
    "Content-Length\t: 2\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: chunked \r\n",
    "Content-Length: 2\r\n x\r\n",
    "Transfer-Encoding: chunked\r\n\tx\r\n",
    "Host: y\r\n z\r\n",
    "X: 1\r\n 2\r\n",
    # A name of no length, which the library takes for the end of the head.
    ": x\r\n",
    ":\r\n",
    ":x\n",
    f"Content-Length: 2\r\n: x\r\n{HARMLESS}",
    f": x\r\n{HARMLESS}Content-Length: 2\r\n",
    # And a NUL for that of a value; and lines that do not end alike.
    "X: 1\0 2\r\n",
    "X: \0\r\n",
    "X: 1\n",
    "X: 1\nY: 2\r\n",
    "X\xff: 1\r\n",
])
def test_ambiguous_framing_is_refused_and_ends_the_connection(lab, framing):
    """Else the end of this request and the start of the next is a matter of opinion."""
    for listener, head in each_door(lab):
        with lab.raw(listener) as raw:
            raw.send(head + framing + "\r\n{}" + HARMLESS)
            answers = raw.everything()
            assert answers.startswith(b"HTTP/1.1 4"), (listener, answers)
            assert b"HTTP/1.1 2" not in answers, (listener, answers)


@pytest.mark.parametrize("fields", [
    "Content-Length: 2\r\nContent-Length: 2\r\n",
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Host: y\r\n",
    "".join(f"X-{number}: 1\r\n" for number in range(100)),
    "Content-Length : 2\r\n",
    "Content-Length: 2\r\n x\r\n",
    "X: 1\r\n 2\r\n",
    ": x\r\n",
    "X: 1\0 2\r\n",
], ids=["lengths", "both", "coding", "hosts", "headers", "blank", "folded-length", "folded", "no-name", "nul"])
def test_gateways_are_told_403_where_others_are_told_400(lab, fields):
    """nginx makes 500 of any other refusal, and EMQX asks somebody else when it is not told 200."""
    device = lab.enrolled_device()
    certificate = f"X-Client-Cert-Sha256: {device.identity.sha256}\r\n"
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(f"POST /v1/check HTTP/1.1\r\nHost: x\r\n{certificate}{fields}\r\n{{}}{HARMLESS}")
        answer = raw.answer()
        assert (answer.status, answer.reason) == (403, "bad-certificate")
        assert answer.headers["Certvendor-Reason"] == "bad-certificate"
        assert (answer.headers["Cache-Control"], answer.headers["Connection"]) == ("no-store", "close")
        assert raw.is_closed_by_server()
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(f"POST /v1/broker/emqx HTTP/1.1\r\nHost: x\r\n{fields}\r\n{{}}{HARMLESS}")
        answer = raw.answer()
        assert (answer.status, answer.json()) == (200, {"result": "deny"})
        assert raw.is_closed_by_server()
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(f"POST /v1/other HTTP/1.1\r\nHost: x\r\n{fields}\r\n{{}}{HARMLESS}")
        assert raw.answer().status in (400, 431)
        assert raw.is_closed_by_server()


def test_a_check_with_as_many_headers_as_may_be(lab):
    device = lab.enrolled_device()
    fields = "".join(f"X-{number}: 1\r\n" for number in range(98))
    for more, status in (("", 200), ("X: 1\r\n", 403)):
        with lab.raw("gateway", lab.gateway) as raw:
            raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Client-Cert-Sha256: {device.identity.sha256}\r\n"
                     f"{fields}{more}\r\n")
            assert raw.answer().status == status
    for line, status in (("GET /v1/check HTTP/1.1\r\n", 403), ("GET /v1/check/a b HTTP/1.1\r\nHost: x\r\n", 403),
                         ("GET /v1/check?a b HTTP/1.1\r\nHost: x\r\n", 403),
                         ("GET /v1/check a HTTP/1.1\r\nHost: x\r\n", 400),
                         ("GET /v1/ch eck HTTP/1.1\r\nHost: x\r\n", 400)):
        with lab.raw("gateway", lab.gateway) as raw:
            raw.send(f"{line}X-Client-Cert-Sha256: {device.identity.sha256}\r\n\r\n")
            assert raw.answer().status == status, line


def test_a_line_that_goes_on_makes_no_certificate(lab):
    """The library appends it to the name of the header: of one that no proxy overwrites, say."""
    sha256 = lab.enrolled_device().identity.sha256
    for fields in (
            f"X-Client-Cert-Sha25: {sha256}\r\n 6\r\n",
            f"X-Client-Cert-Sha25: {sha256}\r\n\t6\r\n",
            f"X-Client: {sha256}\r\n -Cert\r\n  -Sha256\r\n",
            f"X-Client-Cert-Sha256: {'0' * 64}\r\n x\r\nX-Client-Cert-Sha256: {sha256}\r\n",
            f"X-Client-Cert-Sha256: {sha256}\r\nX: 1\r\n 2\r\n",
            f"X-Client-Cert-Sha256:\r\n {sha256}\r\n",
            f"X-Client-Cert-Sha256 : {sha256}\r\n",
    ):
        with lab.raw("gateway", lab.gateway) as raw:
            raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\n{fields}\r\n{HARMLESS}")
            assert raw.answer().status == 403, fields
            assert raw.is_closed_by_server(), fields


def test_trailers_end_the_connection(lab):
    """In them, too, the library takes a line without a name for the end."""
    chunks = "2\r\n{}\r\n0\r\n"
    for trailers, is_kept in (("", True), ("A: b\r\n", False), (":x\r\n", False), ("A: b\r\n:x\r\n", False)):
        for listener, head in each_door(lab):
            with lab.raw(listener) as raw:
                raw.send(f"{head}Transfer-Encoding: chunked\r\n\r\n{chunks}{trailers}\r\n"
                         + HARMLESS.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
                answers = raw.everything()
                assert answers.count(b"HTTP/1.1 ") == (2 if is_kept else 1), (listener, trailers, answers)


def test_a_line_without_a_name_hides_nothing(lab):
    """The library takes it for the end of the head, and what is behind it for another request."""
    held, good = lab.enrolled_device(), lab.enrolled_device().identity.sha256
    assert lab.cli("device", "hold", held.name).returncode == 0
    head = "GET /v1/check HTTP/1.1\r\nHost: x\r\n"
    for line in (": x", ":", ":\t", "::", ": GET /v1/check HTTP/1.1"):
        for first, second in ((good, held.identity.sha256), (held.identity.sha256, good)):
            with lab.raw("gateway", lab.gateway) as raw:
                raw.send(f"{head}X-Client-Cert-Sha256: {first}\r\n{line}\r\n{head}"
                         f"X-Client-Cert-Sha256: {second}\r\n\r\n")
                answer = raw.answer()
                assert (answer.status, answer.reason) == (403, "bad-certificate"), line
                assert raw.is_closed_by_server(), line


def test_lines_may_end_without_a_carriage_return(lab):
    sha256 = lab.enrolled_device().identity.sha256
    for fields in ("", "X: \n", "X: 1 \t\n"):
        with lab.raw("gateway", lab.gateway) as raw:
            raw.send(f"GET /v1/check HTTP/1.1\nHost: x\nX-Client-Cert-Sha256: {sha256}\n{fields}\n")
            assert raw.answer().status == 200, fields


def test_blanks_around_a_value_are_not_of_it(lab):
    device = lab.enrolled_device()
    der = base64.b64encode(device.identity.der).decode()
    for field in (f"X-Client-Cert-Sha256: {device.identity.sha256}", f"Client-Cert: :{der}:"):
        for before, after in (("", ""), ("", " "), (" ", "\t"), ("\t \t", " \t  ")):
            name, value = field.split(": ", 1)
            with lab.raw("gateway", lab.gateway) as raw:
                raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\n{name}:{before}{value}{after}\r\n"
                         "X-Empty:\r\nX-Blank: \r\n\r\n")
                assert raw.answer().status == 200, (field, before, after)


def test_blanks_behind_the_value_of_a_header_with_a_name_of_its_own(lab):
    sha256 = lab.enrolled_device().identity.sha256
    gateway = lab.add_gateway("blanks", sources=["sha256=X-My-Sha"])
    for after in ("", " ", " \t"):
        with lab.raw("gateway", gateway) as raw:
            raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-My-Sha: {sha256}{after}\r\n\r\n")
            assert raw.answer().status == 200, after


def test_a_request_in_pieces(lab):
    """Names and values are judged where they stand in the buffer, however they came there."""
    sha256 = lab.enrolled_device().identity.sha256
    text = (f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Long: {'a' * 3000}\r\nX-Client-Cert-Sha256: {sha256}\r\n"
            "X-Empty:\r\nX-Last: \t b\r\n\r\n")
    for size in (1, 7, 1000):
        with lab.raw("gateway", lab.gateway) as raw:
            for at in range(0, len(text), size):
                raw.send(text[at:at + size])
            assert raw.answer().status == 200, size


def test_headers_of_32_kib_are_answered(lab):
    """Be they few or as many as may be. A gateway makes 500 of a connection that is cut."""
    sha256 = lab.enrolled_device().identity.sha256
    head = f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Client-Cert-Sha256: {sha256}\r\n"
    for count in (1, 10, 60, 98):
        room = 32 * 1024 - len(head) - 2
        each = room // count
        fields = "".join(f"X-{number:02}: {'a' * (each - 8)}\r\n" for number in range(count))
        with lab.raw("gateway", lab.gateway) as raw:
            for _ in range(2):
                raw.send(f"{head}{fields}\r\n")
                assert raw.answer().status == 200, (count, len(head) + len(fields))


def test_good_framing_is_accepted(lab):
    """The same requests with one length, or with one coding."""
    head = MAKE_TOKEN + f"Authorization: Bearer {lab.token}\r\n"
    with lab.raw("operator") as raw:
        raw.send(head + "Content-Length: 2\r\n\r\n{}")
        assert raw.answer().status == 201
        raw.send(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        assert raw.answer().status == 201


def test_a_huge_declared_body_is_refused_at_once(lab):
    for listener, head in each_door(lab):
        with lab.raw(listener) as raw:
            begin = time.monotonic()
            raw.send(head + f"Content-Length: {GIBIBYTE}\r\n\r\n")
            answer = raw.answer()
            assert (answer.status, answer.reason) == (413, "too-large"), (listener, answer)
            assert time.monotonic() - begin < 2
            assert raw.is_closed_by_server()


def test_a_body_that_is_a_little_too_large_is_read_before_it_is_refused(lab):
    """Whoever has not sent it all would see the connection reset, and not why."""
    for listener, head in each_door(lab):
        with lab.raw(listener) as raw:
            raw.send(head + f"Content-Length: {25 * 8192}\r\n\r\n")
            for _ in range(25):
                time.sleep(0.01)
                raw.send(b"A" * 8192)
            answer = raw.answer()
            assert (answer.status, answer.reason) == (413, "too-large"), (listener, answer)
            raw.send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert raw.answer().status in (401, 404), listener


def test_too_much_in_chunks(lab):
    for listener, head in each_door(lab):
        with lab.raw(listener) as raw:
            raw.send(head + "Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(10):
                raw.send(b"2000\r\n" + b"A" * 8192 + b"\r\n")
            raw.send("0\r\n\r\n")
            answer = raw.answer()
            assert (answer.status, answer.reason) == (413, "too-large"), (listener, answer)


def test_endless_chunks_are_cut(lab):
    for listener, head in each_door(lab):
        with lab.raw(listener) as raw:
            raw.send(head + "Transfer-Encoding: chunked\r\n\r\n")
            with pytest.raises(OSError):
                for _ in range(4096):
                    raw.send(b"2000\r\n" + b"A" * 8192 + b"\r\n")


def test_a_body_where_none_belongs(lab):
    with lab.raw("device") as raw:
        raw.send(f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\nContent-Length: {GIBIBYTE}\r\n\r\n")
        assert raw.answer().status == 413


def test_pipelined_requests_are_answered_in_order(lab):
    paths = [f"{EST}/cacerts", "/nothing", f"{EST}/csrattrs", f"{EST}/simpleenroll"] * 25
    expected = [200, 404, 204, 405] * 25
    with lab.raw("device") as raw:
        raw.send("".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths))
        assert [raw.answer().status for _ in paths] == expected


def test_pipelined_checks(lab):
    device = lab.enrolled_device()
    old = device.rotate()
    known = f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Client-Cert-Sha256: {device.identity.sha256}\r\n\r\n"
    denied = known.replace(device.identity.sha256, old.sha256)
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send((known + denied) * 50)
        assert [raw.answer().status for _ in range(100)] == [200, 403] * 50


def test_checks_do_not_wait_for_a_body(lab):
    """A careless gateway passes on the length of a body that it does not send."""
    device = lab.enrolled_device()
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send("POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
                 f"X-Client-Cert-Sha256: {device.identity.sha256}\r\n\r\n")
        assert raw.answer().status == 200


@pytest.mark.parametrize("listener,method,path,allowed", [
    ("device", "GET", f"{EST}/simpleenroll", {"POST"}),
    ("device", "PUT", f"{EST}/simplereenroll", {"POST"}),
    ("device", "DELETE", "/device", {"GET", "HEAD", "PATCH"}),
    ("device", "POST", f"{EST}/cacerts", {"GET", "HEAD"}),
    ("operator", "PUT", "/v1/devices", {"GET", "HEAD"}),
    ("operator", "PUT", "/v1/enrolment-tokens", {"GET", "HEAD", "POST"}),
    ("public", "POST", "/ca/demo.pem", {"GET", "HEAD"}),
    ("monitoring", "DELETE", "/metrics", {"GET", "HEAD"}),
])
def test_wrong_method(lab, listener, method, path, allowed):
    answer = lab.send(listener, method, path)
    assert answer.status == 405, answer
    assert {word.strip() for word in answer.headers["Allow"].split(",")} == allowed


def test_unknown_methods(lab):
    for method in ("BREW", "get", "PROPFIND"):
        assert lab.send("device", method, f"{EST}/cacerts").status in (405, 501)


def test_the_challenge_has_no_body(lab):
    """Bouncy Castle does not answer one that has."""
    for headers in ({}, {"Authorization": "Basic ***"}, {"Authorization": "Digest x"},
                    {"Authorization": "Bearer wrong"}):
        request = base64.b64encode(lab.device().new_key().request)
        answer = lab.send("device", "POST", f"{EST}/simpleenroll", body=request, source="127.0.0.3",
                          headers={"Content-Type": "application/pkcs10", **headers})
        assert (answer.status, answer.body) == (401, b""), answer
        schemes = [value.split()[0] for value in answer.headers.get_all("WWW-Authenticate")]
        assert schemes == ["Basic", "Bearer"]


def test_guessing_is_slowed_down(lab):
    """Of one address; the fleet behind another goes on."""
    request = base64.b64encode(lab.device().new_key().request)
    headers = {"Content-Type": "application/pkcs10", "Authorization": "Bearer wrong"}
    statuses = []
    for _ in range(30):
        answer = lab.send("device", "POST", f"{EST}/simpleenroll", body=request, headers=headers,
                          source="127.0.0.4")
        statuses.append(answer.status)
    assert statuses[0] == 401 and statuses[-1] == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert lab.operator("GET", "/v1/status", source="127.0.0.4").status == 429
    assert lab.operator("GET", "/v1/status").status == 200
    # Who has a certificate does not guess.
    device = lab.enrolled_device()
    assert lab.send("device", "GET", "/device", device.identity, source="127.0.0.4").status == 200


def test_nothing_is_redirected(lab):
    device = lab.enrolled_device()
    for path in ("/device/", f"{EST}", f"{EST}/", f"{EST}/cacerts/", "//device", "/DEVICE", "/",
                 f"{EST}/../../device", f"{EST}//cacerts", "/%64evice", "/device?x=y"):
        answer = lab.send("device", "GET", path, device.identity)
        assert answer.status in (200, 404), (path, answer)
        assert "Location" not in answer.headers
    for path in ("/v1/devices/", "/v1", "/v1//devices", "/"):
        assert lab.operator("GET", path).status == 404, path


def test_strange_targets(lab):
    for target in ("*", "http://x/device", "/%00", "/%", "/%zz", "/\xff\xfe", "/" + "a" * 20000,
                   "/.well-known/est/%2e%2e/cacerts", "/.well-known/est/" + "l" * 200 + "/cacerts"):
        with lab.raw("device") as raw:
            raw.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"))
            try:
                assert 400 <= raw.answer().status < 500, target
            except ConnectionError:
                pass


@pytest.mark.est("15.3")
def test_garbage(lab):
    for listener in ("device", "operator", "gateway", "public", "monitoring"):
        for data in (b"\0" * 2000, b"\r\n" * 2000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"\x16\x03\x01" + b"\xff" * 500, b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
                     b"GET / HTTP/1.1\r\n: x\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n"):
            with lab.raw(listener) as raw:
                try:
                    raw.send(data)
                    raw.socket.settimeout(0.2)
                    assert not raw.answer().status < 400, (listener, data[:40])
                except OSError:
                    pass


def test_many_and_large_headers(lab):
    with lab.raw("device") as raw:
        raw.send("GET /device HTTP/1.1\r\nHost: x\r\n" + "".join(f"X-{i}: y\r\n" for i in range(200)) + "\r\n")
        assert raw.answer().status == 431
    # A gateway may forward a chain of RSA certificates.
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Client-Cert: {'A' * 30000}\r\n\r\n")
        assert raw.answer().status == 403


def test_answers_have_small_headers(lab):
    """strongSwan 5.9.8 takes them from one read of 1024 bytes."""
    device = lab.enrolled_device()
    request = base64.b64encode(device.new_key().request).decode()
    body = f"Content-Type: application/pkcs10\r\nContent-Length: {len(request)}\r\n\r\n{request}"
    long_id = "X-Request-Id: " + "r" * 63 + "\r\n"
    for listener, identity, method, path, rest, status in (
            ("device", None, "GET", f"{EST}/cacerts", "\r\n", 200),
            ("device", None, "HEAD", f"{EST}/cacerts", "\r\n", 200),
            ("device", None, "GET", f"{EST}/csrattrs", "\r\n", 204),
            ("device", None, "GET", f"{EST}/simpleenroll", "\r\n", 405),
            ("device", None, "POST", f"{EST}/simpleenroll", body, 401),
            ("device", None, "GET", "/device", "\r\n", 403),
            ("device", None, "GET", "/nothing", "\r\n", 404),
            ("device", device.identity, "POST", f"{EST}/simplereenroll", body, 200),
            ("device", device.identity, "GET", "/device", "\r\n", 200),
            ("gateway", lab.gateway, "GET", "/v1/check", "\r\n", 403),
            ("gateway", lab.gateway, "GET", "/v1/check",
             f"X-Client-Cert-Sha256: {device.identity.sha256}\r\n\r\n", 200),
            ("operator", None, "GET", "/v1/devices", "\r\n", 401),
            ("operator", None, "GET", "/v1/devices", f"Authorization: Bearer {lab.token}\r\n\r\n", 200),
            ("public", None, "GET", "/ca/demo.pem", "\r\n", 200),
            ("monitoring", None, "GET", "/metrics", "\r\n", 200),
    ):
        with lab.raw(listener, identity) as raw:
            raw.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{long_id}{rest}")
            answer = raw.answer(has_body=method != "HEAD")
            assert answer.status == status, (method, path, answer)
            assert raw.header_bytes < 900, (method, path, raw.header_bytes)
            assert "Content-Length" in answer.headers or status == 204


def test_slow_clients_are_cut_and_others_are_served(make_lab):
    own = make_lab(settings={"server": {"request_timeout": "2", "idle_timeout": "2"}}).start()
    device = own.enrolled_device()
    cut = {}

    def drip(name, data):
        begin = time.monotonic()
        with own.raw("device") as raw:
            try:
                for byte in data * 1000:
                    raw.send(bytes([byte]))
                    time.sleep(0.1)
                    assert time.monotonic() - begin < PATIENCE
            except OSError:
                cut[name] = time.monotonic() - begin

    def sit(name):
        begin = time.monotonic()
        with own.raw("device") as raw:
            if raw.is_closed_by_server():
                cut[name] = time.monotonic() - begin

    threads = [
        threading.Thread(target=drip, args=("header", b"GET /device HTTP/1.1\r\nX: y" + b"y" * 500)),
        threading.Thread(target=drip, args=("body", ENROL.encode() + b"Content-Length: 9999\r\n\r\n" + b"A" * 500)),
        threading.Thread(target=sit, args=("idle",)),
    ]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        begin = time.monotonic()
        assert device.show().status == 200
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.05)
    assert set(cut) == {"header", "body", "idle"}
    assert all(1 < seconds < 30 for seconds in cut.values()), cut
    assert slowest < 2


def test_many_idle_connections_do_not_keep_others_out(lab):
    held = [lab.raw("device") for _ in range(200)]
    try:
        assert lab.send("device", "GET", f"{EST}/cacerts").status == 200
    finally:
        for raw in held:
            raw.socket.close()


@pytest.mark.est("15.3")
def test_clients_that_vanish(lab):
    """In the handshake, in the headers, in the body, and before the answer."""
    device = lab.enrolled_device()
    request = base64.b64encode(device.new_key().request).decode()
    whole = (f"POST {EST}/simplereenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
             f"Content-Length: {len(request)}\r\n\r\n{request}")
    for length in range(0, len(whole) + 1, 16):
        with lab.raw("device", device.identity) as raw:
            raw.send(whole[:length])
    with lab.raw("device", device.identity) as raw:
        raw.send(whole)
    assert device.show().status == 200
