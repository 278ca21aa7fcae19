"""The OpenAPI description is complete, and what it shows works."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from locutor.api.schemas.profiles import ProfileParameters
from locutor.api.schemas.speech import Parameters
from locutor.types import SynthesisOptions


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m, path, op) for path, ops in described["paths"].items() for m, op in ops.items()]


def test_every_operation_says_what_it_does_and_how_it_can_fail(described: dict[str, Any]) -> None:
    found = operations(described)
    assert len(found) >= 48
    for method, path, operation in found:
        assert operation["summary"] and operation["tags"], (method, path)
        for status in ("400", "413", "421", "422", "429", "500"):
            reference = operation["responses"][status]["content"]["application/json"]["schema"]["$ref"]
            assert reference.endswith("OpenAIError" if path.startswith("/v1/") else "ErrorBody"), (method, path)
        assert any(status.startswith("2") for status in operation["responses"])


def test_operation_names_are_unique(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(names)) == len(names)


def test_503_is_documented_only_where_speech_is_made_or_models_are_moved(described: dict[str, Any]) -> None:
    found = {path for _, path, op in operations(described) if "503" in op["responses"]}
    assert found == {
        "/v1/audio/speech",
        "/synthesize-direct",
        "/voices/{voice_id}/preview",
        "/ready",
        "/admin/models/{model_id}/load",
        "/admin/models/{model_id}/unload",
        "/training/checkpoints/load",
    }


def test_every_option_of_a_synthesis_can_be_asked_for() -> None:
    """An option that is added to the library is added to the service too."""
    assert set(Parameters.model_fields) == set(SynthesisOptions.__dataclass_fields__)
    of_a_request = {"seed", "fix_duration_s"}
    assert set(ProfileParameters.model_fields) == set(SynthesisOptions.__dataclass_fields__) - of_a_request


def test_the_ranges_are_the_librarys() -> None:
    for name, field in Parameters.model_fields.items():
        for bound in field.metadata:
            for limit in (getattr(bound, "ge", None), getattr(bound, "le", None)):
                assert limit is None or SynthesisOptions(**{name: limit})


def test_examples_are_valid(client: TestClient, described: dict[str, Any]) -> None:
    [example] = described["components"]["schemas"]["SpeechIn"]["examples"]
    assert client.post("/v1/audio/speech", json=example).status_code == 200
    batch = described["paths"]["/jobs/batch"]["post"]["requestBody"]["content"]
    assert client.post("/jobs/batch", json=batch["application/json"]["examples"]["two"]["value"]).status_code == 202
    text = batch["text/csv"]["examples"]["two"]["value"]
    assert client.post("/jobs/batch", content=text, headers={"Content-Type": "text/csv"}).status_code == 202


def test_the_page_of_the_description_loads_nothing_from_elsewhere(
    client: TestClient, described: dict[str, Any]
) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html") and "<script" not in page.text.lower()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for _, path, operation in operations(described):
        assert path.replace("{", "&#123;").replace("}", "&#125;") in page.text or path in page.text
        assert operation["summary"] in page.text or operation["summary"].replace("'", "&#x27;") in page.text
