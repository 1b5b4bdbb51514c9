"""What all requests of FoundriesFactory's operator clients have in common: credentials, factory, errors."""
import base64

import pytest

from certvendor_lab import FACTORY

SELF = f"/ota/factories/{FACTORY}/users/self/"


def ask(lab, path=SELF, method="GET", **headers):
    pairs = {name.replace("_", "-"): value for name, value in headers.items()}
    return lab.send("operator", method, path, headers=pairs)


def refusal(answer, status, code):
    """Clients print message, and drop the text of anything that is not JSON."""
    assert answer.status == status, answer
    assert answer.headers.get_content_type() == "application/json"
    body = answer.json()
    assert body["code"] == code and len(body["message"]) > 8, body
    return body


@pytest.mark.parametrize("form", ["token", "bearer", "base64", "both"])
def test_each_client_has_its_way_to_send_a_token(lab, form):
    encoded = base64.b64encode(lab.token.encode()).decode()
    headers = {"token": {"OSF_TOKEN": lab.token}, "bearer": {"Authorization": f"Bearer {lab.token}"},
               "base64": {"Authorization": f"Bearer {encoded}"},
               "both": {"OSF_TOKEN": lab.token, "Authorization": "Bearer bG9naW4gb2YgYW5vdGhlciBraW5k"}}[form]
    answer = ask(lab, **headers)
    assert answer.status == 200, answer
    user = answer.json()
    assert user["polis-id"] == user["name"] != ""
    assert user["role"] == "admin" and user["teams-ext"] == [] and user["effective-scopes"] == []


def test_a_wrong_token_is_told_as_json(lab):
    refusal(ask(lab), 401, "unauthenticated")
    refusal(ask(lab, OSF_TOKEN="wrong"), 401, "unauthenticated")
    refusal(ask(lab, OSF_TOKEN="wrong", Authorization=f"Bearer {lab.token}"), 401, "unauthenticated")


def test_the_path_names_the_factory(lab):
    refusal(ask(lab, SELF.replace(FACTORY, "nowhere"), OSF_TOKEN=lab.token), 404, "not-found")
    assert ask(lab, SELF + "?factory=nowhere", OSF_TOKEN=lab.token).status == 200


def test_unknown_paths_and_methods_are_told_as_json(lab):
    refusal(ask(lab, "/ota/nothing/", OSF_TOKEN=lab.token), 404, "not-found")
    refusal(ask(lab, "/ota/factories//users/self/", OSF_TOKEN=lab.token), 404, "not-found")
    refusal(ask(lab, method="DELETE", OSF_TOKEN=lab.token), 405, "method")


def test_nothing_redirects_for_a_slash(lab):
    assert ask(lab, SELF.rstrip("/"), OSF_TOKEN=lab.token).status == 200
