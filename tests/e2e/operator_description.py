"""docs/protocol/openapi.json as the tests use it: finding operations and checking answers."""
import json
import pathlib
import re

import jsonschema

DOCUMENT = json.loads(
    (pathlib.Path(__file__).resolve().parents[2] / "docs/protocol/openapi.json").read_text())
RESOLVER = jsonschema.RefResolver.from_schema(DOCUMENT)


def resolve(value):
    """What a $ref stands for."""
    return RESOLVER.resolve(value["$ref"])[1] if "$ref" in value else value


class Operation:
    def __init__(self, path, method, value):
        self.path = path
        self.method = method.upper()
        self.role = value["x-certvendor-role"]
        self.parameters = [resolve(parameter) for parameter in value["parameters"]]
        self.responses = {int(status): resolve(answer) for status, answer in value["responses"].items()
                          if status != "default"}
        self.pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))

    def __repr__(self):
        return f"{self.method} {self.path}"

    def names(self, where):
        return {parameter["name"] for parameter in self.parameters if parameter["in"] == where}

    def check(self, answer):
        """The status is documented, and the body has the form that is documented for it."""
        assert answer.status in self.responses, f"{self}: undocumented {answer}"
        media_type, content = next(iter(self.responses[answer.status]["content"].items()))
        assert answer.headers.get_content_type() == media_type, f"{self}: {answer}"
        validator = jsonschema.Draft202012Validator(
            content["schema"], resolver=RESOLVER, format_checker=jsonschema.FormatChecker())
        errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(answer.json())]
        assert not errors, f"{self}: {answer}: {errors}"
        documented = set(self.responses[answer.status].get("headers", {}))
        if "Link" in documented:
            documented.remove("Link")
            next_page = answer.json()["next"]
            assert (f"cursor={next_page}>" in answer.headers.get("Link", "")) == (next_page is not None), self
        for name in documented:
            assert name in answer.headers, f"{self}: {answer} lacks {name}"


OPERATIONS = [Operation(path, method, value)
              for path, methods in DOCUMENT["paths"].items() for method, value in methods.items()]


def check(method, target, answer):
    """Answers of documented operations; whatever else was asked is none of ours."""
    path = target.split("?", 1)[0]
    for operation in OPERATIONS:
        if operation.method == method and operation.pattern.fullmatch(path):
            operation.check(answer)
