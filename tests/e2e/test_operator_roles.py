"""Who may do what: every operation of the description, every role, the own factory and a foreign one."""
import re
import uuid

import pytest

from certvendor_lab import FACTORY, SECRETS, Authority, Key, pem_request
from operator_description import OPERATIONS

ROLES = ("none", "viewer", "operator", "admin")
FOREIGN = "elsewhere"


class Objects:
    """One of everything in the factory of the tests; what an operation ends is made anew."""

    def __init__(self, lab):
        self.lab = lab
        self.authority = Authority(lab.keys, "/CN=Matrix CA")
        self.last_webhook = "none"
        self.last_rotation_group = "none"

    def make(self, path, body):
        answer = self.lab.operator("POST", path, body)
        assert answer.status == 201, answer
        SECRETS.update(filter(None, [answer.json().get("token")]))
        return answer.json()

    def device(self):
        return self.lab.enrolled_device()

    def group(self):
        return self.make("/v1/groups", {"name": f"g{uuid.uuid4().hex[:8]}"})["name"]

    def gateway(self):
        name = f"w{uuid.uuid4().hex[:8]}"
        self.make("/v1/gateways", self.new_gateway(name))
        return name

    def new_gateway(self, name):
        return {"name": name, "sources": ["pem"], "factories": [FACTORY],
                "csr": pem_request(Key(self.lab.keys, f"/CN={name}"))}

    def enrolment_token(self):
        return self.make("/v1/enrolment-tokens", {})["id"]

    def approval(self):
        name = str(uuid.uuid4())
        self.lab.query("INSERT INTO certvendor.approval (id, factory, label, identity, device, csr_digest, csr, "
                       f"expires_at) VALUES ('{name}', '{FACTORY}', '', 'device', 'unit', "
                       f"sha256('{name}'), 'csr', now() + interval '1 hour')")
        return name

    def device_grant(self):
        name = uuid.uuid4().hex
        code = "".join("BCDFGHJKLMNPQRST"[int(digit, 16)] for digit in name[:8])
        code = f"{code[:4]}-{code[4:]}"
        self.lab.query("INSERT INTO certvendor.device_grant (id, factory, code_hash, user_code, device, expires_at) "
                       f"VALUES ('{name}', '{FACTORY}', sha256('{name}'), '{code}', 'unit', now() + interval '1 hour')")
        return code

    def operator_token(self):
        order = {"name": fresh_name(), "role": "viewer", "factories": [FACTORY]}
        return self.make("/v1/operator-tokens", order)["id"]

    def operator_certificate(self):
        return self.make("/v1/operator-certificates", self.new_operator_certificate())["id"]

    def new_operator_certificate(self):
        return {"name": fresh_name(), "role": "viewer", "factories": [FACTORY],
                "csr": pem_request(Key(self.lab.keys, "/CN=matrix"))}

    def webhook(self):
        """A factory may have few: the one before makes room."""
        self.lab.operator("DELETE", f"/v1/webhooks/{self.last_webhook}")
        answer = self.lab.operator("POST", "/v1/webhooks", self.new_webhook())
        SECRETS.add(answer.json()["secret"])
        self.last_webhook = answer.json()["name"]
        return self.last_webhook

    def new_rotation_group(self):
        return {"name": fresh_name(), "per_hour": 1, "devices": [self.device().name], **ROTATION}

    def rotation_group(self):
        """A factory may have few under way: the one before makes room."""
        self.lab.operator("POST", f"/v1/rotation-groups/{self.last_rotation_group}/end")
        self.last_rotation_group = self.lab.operator(
            "POST", "/v1/rotation-groups", self.new_rotation_group()).json()["name"]
        return self.last_rotation_group

    @staticmethod
    def new_webhook():
        return {"name": f"h{uuid.uuid4().hex[:8]}", "url": "https://receiver.example/", "events": ["config-applied"]}

    def authority_name(self):
        name = f"a{uuid.uuid4().hex[:8]}"
        self.make("/v1/authorities", self.new_authority(name))
        return name

    def new_authority(self, name):
        authority = Authority(self.lab.keys, f"/CN={name}")
        return {"name": name, "kind": "offline", "certificate": authority.identity.pem}


def fresh_name():
    return f"n{uuid.uuid4().hex[:8]}"


def joined(objects):
    device, group = objects.device().name, objects.group()
    assert objects.lab.operator("PUT", f"/v1/groups/{group}/devices/{device}").status == 200
    return {"name": group, "id": device}


DEVICE = lambda objects: ({"id": objects.device().name}, {})  # noqa: E731
GROUP = lambda objects: ({"name": objects.group()}, {})  # noqa: E731
GATEWAY = lambda objects: ({"name": objects.gateway()}, {})  # noqa: E731
AUTHORITY = lambda objects: ({"name": objects.authority_name()}, {})  # noqa: E731
CERTIFICATE = lambda objects: ({"sha256": objects.device().identity.sha256}, {})  # noqa: E731
ENROLMENT_TOKEN = lambda objects: ({"id": objects.enrolment_token()}, {})  # noqa: E731
OPERATOR_TOKEN = lambda objects: ({"id": objects.operator_token()}, {})  # noqa: E731
DEVICE_GRANT = lambda objects: ({"user_code": objects.device_grant()}, {})  # noqa: E731
OPERATOR_CERTIFICATE = lambda objects: ({"id": objects.operator_certificate()}, {})  # noqa: E731
APPROVAL = lambda objects: ({"id": objects.approval()}, {})  # noqa: E731
WEBHOOK = lambda objects: ({"name": objects.webhook()}, {})  # noqa: E731
ROTATION_GROUP = lambda objects: ({"name": objects.rotation_group()}, {})  # noqa: E731
LIST = lambda objects: ({}, None)  # noqa: E731

ROTATION = {"est_url": "https://est.example:8443/.well-known/est"}

# What each operation is tried on: path parameters and body. An operation without a row fails.
TRIED_ON = {
    "GET /v1/devices": LIST,
    "GET /v1/devices/{id}": DEVICE,
    "DELETE /v1/devices/{id}": DEVICE,
    "POST /v1/devices/{id}/revoke": DEVICE,
    "POST /v1/devices/{id}/hold": DEVICE,
    "POST /v1/devices/{id}/release": DEVICE,
    "POST /v1/devices/{id}/allow": DEVICE,
    "POST /v1/devices/{id}/cancel": DEVICE,
    "POST /v1/devices/{id}/approve": DEVICE,
    "POST /v1/devices/{id}/rotate": lambda objects: ({"id": objects.device().name}, ROTATION),
    "GET /v1/certificates": LIST,
    "GET /v1/certificates/{sha256}": CERTIFICATE,
    "POST /v1/certificates/{sha256}/revoke": CERTIFICATE,
    "GET /v1/denials": LIST,
    "GET /v1/approvals": LIST,
    "POST /v1/approvals/{id}/approve": APPROVAL,
    "POST /v1/approvals/{id}/refuse": APPROVAL,
    "GET /v1/device-grants": LIST,
    "POST /v1/device-grants/{user_code}/approve": DEVICE_GRANT,
    "POST /v1/device-grants/{user_code}/refuse": DEVICE_GRANT,
    "GET /v1/groups": LIST,
    "POST /v1/groups": lambda objects: ({}, {"name": fresh_name()}),
    "GET /v1/groups/{name}": GROUP,
    "PATCH /v1/groups/{name}": lambda objects: ({"name": objects.group()}, {"announce": "implied"}),
    "DELETE /v1/groups/{name}": GROUP,
    "POST /v1/groups/{name}/rotate": lambda objects: ({"name": objects.group()}, ROTATION),
    "PUT /v1/groups/{name}/devices/{id}":
        lambda objects: ({"name": objects.group(), "id": objects.device().name}, {}),
    "DELETE /v1/groups/{name}/devices/{id}": lambda objects: (joined(objects), {}),
    "GET /v1/authorities": LIST,
    "POST /v1/authorities": lambda objects: ({}, objects.new_authority(fresh_name())),
    "GET /v1/authorities/{name}": AUTHORITY,
    "POST /v1/authorities/{name}/enable": AUTHORITY,
    "POST /v1/authorities/{name}/disable": AUTHORITY,
    "POST /v1/authorities/{name}/revoke": AUTHORITY,
    "GET /v1/enrolment-tokens": LIST,
    "POST /v1/enrolment-tokens": lambda objects: ({}, {}),
    "GET /v1/enrolment-tokens/{id}": ENROLMENT_TOKEN,
    "DELETE /v1/enrolment-tokens/{id}": ENROLMENT_TOKEN,
    "GET /v1/factories": LIST,
    "POST /v1/factories": lambda objects: ({}, {"name": fresh_name()}),
    "GET /v1/factories/{name}": lambda objects: ({"name": FACTORY}, None),
    "PATCH /v1/factories/{name}": lambda objects: ({"name": FACTORY}, {"retire_after_days": 0}),
    "GET /v1/gateways": LIST,
    "POST /v1/gateways": lambda objects: ({}, objects.new_gateway(fresh_name())),
    "GET /v1/gateways/{name}": GATEWAY,
    "PATCH /v1/gateways/{name}": lambda objects: ({"name": objects.gateway()}, {"may_activate": False}),
    "DELETE /v1/gateways/{name}": GATEWAY,
    "GET /v1/operator-tokens": LIST,
    "POST /v1/operator-tokens":
        lambda objects: ({}, {"name": fresh_name(), "role": "viewer", "factories": [FACTORY]}),
    "GET /v1/operator-tokens/{id}": OPERATOR_TOKEN,
    "DELETE /v1/operator-tokens/{id}": OPERATOR_TOKEN,
    "GET /v1/operator-certificates": LIST,
    "POST /v1/operator-certificates": lambda objects: ({}, objects.new_operator_certificate()),
    "GET /v1/operator-certificates/{id}": OPERATOR_CERTIFICATE,
    "DELETE /v1/operator-certificates/{id}": OPERATOR_CERTIFICATE,
    "GET /v1/rotation-groups": LIST,
    "POST /v1/rotation-groups": lambda objects: ({}, objects.new_rotation_group()),
    "GET /v1/rotation-groups/{name}": ROTATION_GROUP,
    "POST /v1/rotation-groups/{name}/pause": ROTATION_GROUP,
    "POST /v1/rotation-groups/{name}/resume": ROTATION_GROUP,
    "POST /v1/rotation-groups/{name}/end": ROTATION_GROUP,
    "GET /v1/webhooks": LIST,
    "POST /v1/webhooks": lambda objects: ({}, objects.new_webhook()),
    "GET /v1/webhooks/{name}": WEBHOOK,
    "DELETE /v1/webhooks/{name}": WEBHOOK,
    "GET /v1/webhooks/{name}/deliveries": WEBHOOK,
    "POST /v1/webhooks/{name}/replay": WEBHOOK,
    "GET /v1/event-keys": LIST,
    "POST /v1/event-keys": lambda objects: ({}, {}),
    "GET /v1/audit": LIST,
    "GET /v1/status": LIST,
    "GET /v1/openapi.json": LIST,
}

# Takes an operator of every factory, whatever its role.
EVERY_FACTORY = ("POST /v1/factories", "POST /v1/event-keys")


@pytest.fixture(scope="module")
def tokens(lab):
    answer = lab.operator("POST", "/v1/factories", {"name": FOREIGN})
    assert answer.status in (201, 409), answer
    made = {}
    for role in ROLES[1:]:
        for factory in (FACTORY, FOREIGN):
            order = {"name": f"{role}-of-{factory}", "role": role, "factories": [factory]}
            made[role, factory] = lab.operator("POST", "/v1/operator-tokens", order).json()["token"]
            SECRETS.add(made[role, factory])
    return made


@pytest.fixture(scope="module")
def certificates(lab, tokens):
    return {(role, factory): lab.add_operator(f"{role}-with-key-of-{factory}", role, [factory])
            for role in ("operator", "admin") for factory in (FACTORY, FOREIGN)}


@pytest.fixture(scope="module")
def objects(lab):
    return Objects(lab)


def expected(operation, role, factory):
    """Statuses that are right; None: whatever is no refusal of the operator."""
    if operation.role == "none":
        return {200}
    if role == "none":
        return {401}
    if ROLES.index(role) < ROLES.index(operation.role):
        return {403}
    names_factory = "factory" in operation.names("query")
    if factory == FOREIGN and (names_factory or str(operation) not in EVERY_FACTORY):
        return {404}
    if str(operation) in EVERY_FACTORY:
        return {403}
    return {200, 201, 409}


def ask(lab, operation, token, values, body, factory, identity=None):
    path = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], operation.path)
    query = f"?factory={factory}" if "factory" in operation.names("query") else ""
    headers = {"If-Match": "*"} if "If-Match" in operation.names("header") else {}
    if token is None and identity is None:
        return lab.send("operator", operation.method, path + query, source="127.0.0.9",
                        headers=headers)
    return lab.operator(operation.method, path + query, body if operation.method != "GET" else None,
                        token=token, headers=headers, identity=identity)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_matrix_with_certificates(lab, certificates, objects, operation):
    for (role, factory), identity in certificates.items():
        values, body = TRIED_ON[str(operation)](objects)
        answer = ask(lab, operation, None, values, body, FACTORY, identity)
        assert answer.status in expected(operation, role, factory), (role, factory, answer)
        if answer.status in (403, 404):
            assert answer.reason == {403: "missing-role", 404: "not-found"}[answer.status]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_matrix(lab, tokens, objects, operation):
    assert str(operation) in TRIED_ON, "a new operation needs a row"
    for role in ROLES:
        for factory in (FACTORY, FOREIGN):
            values, body = TRIED_ON[str(operation)](objects)
            token = None if role == "none" else tokens[role, factory]
            answer = ask(lab, operation, token, values, body, FACTORY)
            assert answer.status in expected(operation, role, factory), (role, factory, answer)
            if answer.status == 401:
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            if answer.status in (403, 404):
                assert answer.reason == {403: "missing-role", 404: "not-found"}[answer.status]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.names("path")], ids=str)
def test_a_foreign_object_is_not_found_without_a_factory_named(lab, tokens, objects, operation):
    values, body = TRIED_ON[str(operation)](objects)
    path = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], operation.path)
    headers = {"If-Match": "*"} if "If-Match" in operation.names("header") else {}
    answer = lab.operator(operation.method, path, body if operation.method != "GET" else None,
                          token=tokens["admin", FOREIGN], headers=headers)
    assert answer.status == 404, answer


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.names("path")
                                       and "factory" in each.names("query")], ids=str)
def test_the_factory_that_is_named_counts(lab, tokens, objects, operation):  # pylint: disable=unused-argument
    """Also for who sees both."""
    values, body = TRIED_ON[str(operation)](objects)
    assert ask(lab, operation, lab.token, values, body, FOREIGN).status == 404
    assert ask(lab, operation, lab.token, values, body, FACTORY).status in (200, 409)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_query_member_that_is_misspelt_is_refused(lab, tokens, operation):
    path = re.sub(r"\{\w+\}", "none", operation.path)
    for token in (lab.token, tokens["viewer", FOREIGN]):
        answer = lab.operator(operation.method, f"{path}?facotry={FACTORY}", token=token)
        assert (answer.status, answer.reason) == (400, "bad-request")


def test_every_row_is_an_operation():
    assert set(TRIED_ON) == {str(operation) for operation in OPERATIONS}


def test_lists_of_the_realm_show_what_is_seen(lab, tokens, objects):
    gateway, token = objects.gateway(), objects.operator_token()
    for factory, is_seen in ((FACTORY, True), (FOREIGN, False)):
        own = tokens["admin", factory]
        assert lab.operator("POST", "/v1/groups", {"name": fresh_name()}, token=own).status == 201
        names = [item["name"] for item in lab.operator("GET", "/v1/factories", token=own).json()["items"]]
        assert names == [factory]
        shown = lab.operator("GET", "/v1/gateways?limit=1000", token=own).json()["items"]
        assert (gateway in [item["name"] for item in shown]) == is_seen
        assert "gateway" not in [item["name"] for item in shown], "that one is of every factory"
        shown = lab.operator("GET", "/v1/operator-tokens?limit=1000", token=own).json()["items"]
        assert (token in [item["id"] for item in shown]) == is_seen
        rows = lab.operator("GET", "/v1/audit?limit=1000", token=own).json()["items"]
        assert {row["factory"] for row in rows} == {factory}


def test_acts_on_what_is_of_one_factory_are_shown_to_its_operators(lab, tokens, objects):
    """Those on what is of more are not: it reaches beyond. Nor to who has just these."""
    both = objects.make("/v1/operator-tokens", {"name": fresh_name(), "role": "admin", "factories": [FACTORY, FOREIGN]})
    SECRETS.add(both["token"])
    makers = {"gateways": objects.new_gateway, "operator-tokens": lambda name: {"name": name, "role": "viewer"},
              "operator-certificates": lambda name: {**objects.new_operator_certificate(), "name": name}}
    for kind, new in makers.items():
        for factories, expected in (([FACTORY], FACTORY), ([FACTORY, FOREIGN], None), (None, None)):
            name = fresh_name()
            order = {**new(name), "factories": factories}
            if factories is None:
                del order["factories"]
            made = objects.make(f"/v1/{kind}", order)
            assert lab.operator("DELETE", f"/v1/{kind}/{made.get('id', name)}").status == 200
            for token, is_seen in ((lab.token, True), (tokens["admin", FACTORY], expected == FACTORY),
                                   (tokens["admin", FOREIGN], False), (both["token"], expected == FACTORY)):
                rows = [row for row in lab.operator("GET", "/v1/audit?limit=20", token=token).json()["items"]
                        if name == (row["after"] or row["before"] or {}).get("name")]
                assert [row["factory"] for row in rows] == 2 * is_seen * [expected], (kind, factories, rows)


def test_who_has_several_factories_says_which_is_meant(lab, objects):
    beside, other = (objects.make("/v1/factories", {"name": fresh_name()})["name"] for _ in range(2))
    order = {"name": fresh_name(), "role": "admin", "factories": [beside, other]}
    token = objects.make("/v1/operator-tokens", order)["token"]
    SECRETS.add(token)
    for path in ("/v1/status", "/v1/devices", "/ota/devices/"):
        for query, detail in (("", "Say which factory is meant."), (f"?factory={FACTORY}", "There is no such factory."),
                              ("?factory=nobody", "There is no such factory.")):
            answer = lab.operator("GET", path + query, token=token)
            said = answer.json()["message" if path.startswith("/ota") else "detail"]
            assert (answer.status, said) == (404, detail), (path, query)
        assert lab.operator("GET", f"{path}?factory={beside}", token=token).status == 200, path


def test_tokens_and_gateways_cannot_reach_further_than_their_maker(lab, tokens, certificates):
    own = {"token": tokens["admin", FACTORY]}
    for makers in (own, {"identity": certificates["admin", FACTORY]}):
        for factories in (None, [FOREIGN], [FACTORY, FOREIGN]):
            order = {"name": "wide", "role": "viewer"}
            if factories is not None:
                order["factories"] = factories
            assert lab.operator("POST", "/v1/operator-tokens", order, **makers).status == 404
            order["csr"] = pem_request(Key(lab.keys, "/CN=wide"))
            assert lab.operator("POST", "/v1/operator-certificates", order, **makers).status == 404
