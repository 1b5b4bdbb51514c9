"""MQTT brokers that ask whether a client may connect, with the requests that they send."""
import base64
import json
import time
import urllib.parse

import pytest

from certvendor_lab import wait_until

EMQX = "/v1/broker/emqx"
VERNEMQ = "/v1/broker/vernemq"
DENY = {EMQX: {"result": "deny"}, VERNEMQ: {"result": {"error": "not_allowed"}}}


def emqx_body(pem="", name="", **more):
    return {"clientid": "c1", "username": "u1", "peerhost": "10.0.0.7", "cert_subject": f"CN={name}",
            "cert_common_name": name, "cert_pem": pem, **more}


def emqx_request(body):
    text = json.dumps(body)
    return (f"POST {EMQX} HTTP/1.1\r\nuser-agent: gun/1.3.9\r\nhost: certvendor:8445\r\n"
            "accept: application/json\r\ncontent-type: application/json\r\nconnection: keep-alive\r\n"
            f"keep-alive: timeout=30, max=1000\r\ncontent-length: {len(text)}\r\n\r\n{text}")


def vernemq_body(username):
    return {"peer_addr": "10.0.0.7", "peer_port": 40000, "username": username, "mountpoint": "",
            "client_id": "c1", "password": None, "clean_session": True}


def vernemq_request(username, hook="auth_on_register"):
    text = json.dumps(vernemq_body(username))
    return (f"POST {VERNEMQ} HTTP/1.1\r\nHost: certvendor:8445\r\nUser-Agent: hackney/1.18.1\r\n"
            f"Content-Type: application/json\r\nvernemq-hook: {hook}\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}")


def ask(lab, path, body, gateway=None, headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lab.send("gateway", "POST", path, gateway or lab.gateway, data,
                    [("Content-Type", "application/json"), *headers])


def ask_vernemq(lab, name, gateway=None):
    return ask(lab, VERNEMQ, vernemq_body(name), gateway, [("vernemq-hook", "auth_on_register")])


def expect_denied(answer, path, reason):
    assert (answer.status, answer.json()) == (200, DENY[path]), answer
    assert answer.headers["Certvendor-Reason"] == reason
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get_content_type() == "application/json"


def test_emqx_follows_a_rotation(lab):
    device = lab.enrolled_device()
    old = device.identity
    with lab.raw("gateway", lab.gateway) as raw:
        def send(identity):
            raw.send(emqx_request(emqx_body(identity.pem, device.name)))
            return raw.answer()

        answer = send(old)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {
            "result": "allow", "client_attrs": {"device": device.name, "factory": "demo"}}
        key = device.new_key()
        fresh = device.reenrol(key)
        expect_denied(send(fresh), EMQX, "third-key")
        assert device.announce(key).status == 200
        assert send(fresh).json()["result"] == "allow"
        expect_denied(send(old), EMQX, "denied")


def test_emqx_pipelines_a_hundred_requests(lab):
    device, stranger = lab.enrolled_device(), lab.device()
    good = emqx_request(emqx_body(device.identity.pem))
    bad = emqx_request(emqx_body("", stranger.name))
    with lab.raw("gateway", lab.gateway) as raw:
        for _ in range(3):
            raw.send("".join(bad if i % 10 == 9 else good for i in range(100)))
            results = [raw.answer().json()["result"] for _ in range(100)]
            assert results == ["deny" if i % 10 == 9 else "allow" for i in range(100)]


def test_emqx_says_a_certificate_as_pem_or_base64_or_by_its_name(lab):
    device = lab.enrolled_device()
    for body in (emqx_body(device.identity.pem), emqx_body(base64.b64encode(device.identity.der).decode()),
                 emqx_body("", device.name), emqx_body("undefined", device.name)):
        assert ask(lab, EMQX, body).json()["result"] == "allow", body
    expect_denied(ask(lab, EMQX, emqx_body()), EMQX, "no-certificate")
    expect_denied(ask(lab, EMQX, emqx_body("undefined", "undefined")), EMQX, "no-certificate")
    expect_denied(ask(lab, EMQX, emqx_body("", "nobody")), EMQX, "unknown")
    expect_denied(ask(lab, EMQX, emqx_body("-----BEGIN")), EMQX, "bad-certificate")
    expect_denied(ask(lab, EMQX, emqx_body("", "no device id!")), EMQX, "bad-certificate")


def test_emqx_says_a_certificate_and_a_name_that_differ(lab):
    device, other = lab.enrolled_device(), lab.enrolled_device()
    key = device.new_key()
    fresh = device.reenrol(key)
    for identity in (device.identity, fresh):
        for name in (other.name, device.name.upper(), "x"):
            expect_denied(ask(lab, EMQX, emqx_body(identity.pem, name)), EMQX, "ambiguous")
    assert ask(lab, EMQX, emqx_body(device.identity.pem, device.name)).json()["result"] == "allow"
    assert device.announce(key).status == 200
    expect_denied(ask(lab, EMQX, emqx_body(fresh.pem, other.name)), EMQX, "ambiguous")
    assert device.check().headers["Certvendor-Rotation"] == "pending", "it was not activated"
    answer = ask(lab, EMQX, emqx_body(fresh.pem, device.name))
    assert (answer.json()["result"], answer.headers["Certvendor-Reason"]) == ("allow", "activated")
    for body in ({"cert_pem": 1}, {"cert_pem": [fresh.pem]}, {"cert_pem": fresh.pem, "cert_common_name": 1}):
        expect_denied(ask(lab, EMQX, body), EMQX, "bad-certificate")


def test_vernemq_asks_by_name(lab):
    device = lab.enrolled_device()
    with lab.raw("gateway", lab.gateway) as raw:
        for hook in ("auth_on_register", "auth_on_register_m5"):
            raw.send(vernemq_request(device.name, hook))
            answer = raw.answer()
            assert (answer.status, answer.json()) == (200, {"result": "ok"})
            assert answer.headers["Certvendor-Device"] == device.name
        for hook in ("auth_on_publish", "auth_on_register,auth_on_register", ""):
            raw.send(vernemq_request(device.name, hook))
            expect_denied(raw.answer(), VERNEMQ, "bad-certificate")
    expect_denied(ask(lab, VERNEMQ, vernemq_body(device.name)), VERNEMQ, "bad-certificate")
    expect_denied(ask_vernemq(lab, None), VERNEMQ, "no-certificate")
    expect_denied(ask_vernemq(lab, "nobody"), VERNEMQ, "unknown")
    assert lab.operator("POST", f"/v1/devices/{device.name}/hold", {}).status == 200
    expect_denied(ask_vernemq(lab, device.name), VERNEMQ, "device-refused")


def test_a_name_moves_nothing(lab):
    device = lab.device()
    device.enrol()
    assert ask_vernemq(lab, device.name).json() == {"result": "ok"}
    seen = f"SELECT first_seen_at IS NULL FROM certvendor.device WHERE id = '{device.name}'"
    assert lab.query(seen) == [["t"]]
    assert ask(lab, EMQX, emqx_body(device.identity.pem)).json()["result"] == "allow"
    assert lab.query(seen) == [["f"]]


def test_a_name_needs_a_factory(lab):
    device = lab.enrolled_device()
    lab.have_factory("other")
    one = lab.add_gateway("broker-of-one", options=["--factories", "demo"])
    two = lab.add_gateway("broker-of-two", options=["--factories", "demo,other"])
    other = lab.add_gateway("broker-of-other", options=["--factories", "other"])
    assert ask_vernemq(lab, device.name, one).json() == {"result": "ok"}
    expect_denied(ask_vernemq(lab, device.name, two), VERNEMQ, "ambiguous")
    expect_denied(ask_vernemq(lab, device.name, other), VERNEMQ, "unknown")
    body = emqx_body(device.identity.pem)
    assert ask(lab, EMQX, body, two).json()["result"] == "allow"
    expect_denied(ask(lab, EMQX, body, other), EMQX, "unknown")


@pytest.mark.parametrize("path", DENY)
def test_a_broker_is_never_sent_to_somebody_else(lab, path):
    """Anything but a 200 makes EMQX ask its next authenticator."""
    device = lab.enrolled_device()
    hook = [("vernemq-hook", "auth_on_register")]
    for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"username":"a","username":"b"}'):
        expect_denied(ask(lab, path, body, headers=hook), path, "bad-certificate")
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 300000\r\n"
                 'vernemq-hook: auth_on_register\r\n\r\n{"username":"xxx')
        expect_denied(raw.answer(), path, "bad-certificate")
    answer = lab.send("gateway", "POST", path, device.identity, b"{}", hook)
    expect_denied(answer, path, "not-a-gateway")
    expect_denied(lab.send("gateway", "POST", path, None, b"{}", hook), path, "not-a-gateway")
    assert lab.send("gateway", "GET", path, lab.gateway).status == 405
    assert lab.send("gateway", "POST", path + "/x", lab.gateway, b"{}").status == 404


def test_brokers_read_no_headers_of_their_clients(lab):
    device = lab.enrolled_device()
    forged = [("X-Client-Cert-Sha256", device.identity.sha256), ("vernemq-hook", "auth_on_register")]
    expect_denied(ask(lab, EMQX, emqx_body(), headers=forged), EMQX, "no-certificate")
    expect_denied(ask(lab, VERNEMQ, vernemq_body(""), headers=forged), VERNEMQ, "no-certificate")


# ---- RabbitMQ ----------------------------------------------------------------------------------

RABBITMQ = "/v1/broker/rabbitmq/"
ASKED = {
    "user": {},
    "vhost": {"vhost": "/", "ip": "10.0.0.7", "tags": ""},
    "resource": {"vhost": "/", "resource": "queue", "name": "mqtt-subscription-c 1qos1", "permission": "configure",
                 "tags": ""},
    "topic": {"vhost": "/", "resource": "topic", "name": "amq.topic", "permission": "write", "tags": "",
              "routing_key": "a.b+c.#", "variable_map.username": "u", "variable_map.client_id": "c 1"},
}


def rabbitmq_form(name, what, **more):
    return urllib.parse.urlencode({"username": name, **ASKED[what], **more})


def rabbitmq_request(method, what, form):
    """As httpc of Erlang writes it for rabbitmq_auth_backend_http."""
    path, body = RABBITMQ + what, ""
    if method == "GET":
        path += "?" + form
    else:
        body = f"content-type: application/x-www-form-urlencoded\r\n"
    head = f"{method} {path} HTTP/1.1\r\ncontent-length: {len(form) if body else 0}\r\n{body}te: \r\n"
    return f"{head}host: certvendor:8445\r\nconnection: keep-alive\r\n\r\n{form if body else ''}"


def expect_rabbitmq(answer, word, reason):
    assert (answer.status, answer.body.decode(), answer.headers["Certvendor-Reason"]) == (200, word, reason)
    assert answer.headers.get_content_type() == "text/plain"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("method", ("GET", "POST"))
def test_rabbitmq_asks_by_name(lab, method, what):
    device = lab.enrolled_device()
    with lab.raw("gateway", lab.gateway) as raw:
        def ask_of(form):
            raw.send(rabbitmq_request(method, what, form))
            return raw.answer()

        for form in (rabbitmq_form(device.name, what), f"client_id=x&{rabbitmq_form(device.name, what)}"):
            answer = ask_of(form)
            expect_rabbitmq(answer, "allow", "ok")
            assert answer.headers["Certvendor-Device"] == device.name
        expect_rabbitmq(ask_of(rabbitmq_form("nobody", what)), "deny", "unknown")
        expect_rabbitmq(ask_of(rabbitmq_form("", what)), "deny", "no-certificate")
        expect_rabbitmq(ask_of(rabbitmq_form("no device id!", what)), "deny", "bad-certificate")
        expect_rabbitmq(ask_of(f"{rabbitmq_form(device.name, what)}&username=x"), "deny", "bad-certificate")
        expect_rabbitmq(ask_of(f"{rabbitmq_form(device.name, what)}&x=%zz"), "deny", "bad-certificate")
        expect_rabbitmq(ask_of("x" * 900), "deny", "bad-certificate")
    assert lab.operator("POST", f"/v1/devices/{device.name}/hold", {}).status == 200
    with lab.raw("gateway", lab.gateway) as raw:
        expect_rabbitmq(ask_of(rabbitmq_form(device.name, what)), "deny", "device-refused")


def test_rabbitmq_believes_no_name_beside_a_password(lab):
    """A client that logs in with a password writes its name itself."""
    device = lab.enrolled_device()
    for form in (rabbitmq_form(device.name, "user", password="x"), rabbitmq_form(device.name, "user", password="")):
        for method in ("GET", "POST"):
            with lab.raw("gateway", lab.gateway) as raw:
                raw.send(rabbitmq_request(method, "user", form))
                expect_rabbitmq(raw.answer(), "deny", "no-certificate")


@pytest.mark.parametrize("what", ASKED)
def test_rabbitmq_is_always_answered_with_200(lab, what):
    device = lab.enrolled_device()
    form = rabbitmq_form(device.name, what)
    for method in ("GET", "POST"):
        for identity in (device.identity, None):
            with lab.raw("gateway", identity) as raw:
                raw.send(rabbitmq_request(method, what, form))
                expect_rabbitmq(raw.answer(), "deny", "not-a-gateway")
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(rabbitmq_request("GET", what, form + "&x=" + "y" * 2000))
        expect_rabbitmq(raw.answer(), "deny", "bad-certificate")
        assert raw.is_closed_by_server()
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(rabbitmq_request("POST", what, form + "&x=" + "y" * 2000))
        expect_rabbitmq(raw.answer(), "allow", "ok")
    with lab.raw("gateway", lab.gateway) as raw:
        # Answered before it is all there: who goes on sending may not get to read that.
        raw.send(rabbitmq_request("POST", what, form + "&x=" + "y" * 300000)[:4096])
        expect_rabbitmq(raw.answer(), "deny", "bad-certificate")
    assert lab.send("gateway", "PUT", RABBITMQ + what, lab.gateway, b"x=y").status == 405
    assert lab.send("gateway", "GET", RABBITMQ + what + "/x", lab.gateway).status == 404


def test_rabbitmq_moves_nothing(lab):
    device = lab.device()
    device.enrol()
    with lab.raw("gateway", lab.gateway) as raw:
        raw.send(rabbitmq_request("POST", "user", rabbitmq_form(device.name, "user")))
        expect_rabbitmq(raw.answer(), "allow", "ok")
    assert lab.query(f"SELECT first_seen_at IS NULL FROM certvendor.device WHERE id = '{device.name}'") == [["t"]]


def test_caching_and_the_end_of_sessions(make_lab, own_postgres):
    lab = make_lab(own_postgres, settings={"gateway": {"cache_max_age": 7, "session_max": 600}})
    lab.start()
    lab.gateway = lab.add_gateway()
    device = lab.enrolled_device()
    for _ in range(2):  # the first may be the first sight
        answer = ask_vernemq(lab, device.name)
    assert answer.headers["Cache-Control"] == "max-age=7"
    assert lab.check(device.identity.der).headers["Cache-Control"] == "private, max-age=7"
    answer = ask(lab, EMQX, emqx_body(device.identity.pem))
    assert answer.headers["Cache-Control"] == "no-store"
    assert 0 <= answer.json()["expire_at"] - time.time() - 590 < 11
    assert device.announce(device.new_key()).status == 200
    assert ask_vernemq(lab, device.name).headers["Cache-Control"] == "no-store"
    assert device.check().headers["Cache-Control"] == "no-store"

    own_postgres.stop()
    wait_until(lambda: ask_vernemq(lab, device.name).headers["Certvendor-Reason"] == "unavailable",
               "the database is away")
    expect_denied(ask_vernemq(lab, device.name), VERNEMQ, "unavailable")
    assert ask(lab, EMQX, emqx_body(device.identity.pem)).json()["result"] == "allow"
    expect_denied(ask(lab, EMQX, emqx_body("", device.name)), EMQX, "unavailable")
    own_postgres.start()
