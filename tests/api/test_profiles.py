"""Quality profiles over HTTP."""

from fastapi.testclient import TestClient

from locutor.api.schemas.speech import Parameters
from locutor.engines.builtin import engine as builtin
from locutor.engines.f5.sampling import CODE_OPTIONS
from locutor.engines.xtts import engine as xtts
from locutor.options import described_options


def test_built_in_ones_are_listed_and_cannot_be_changed(client: TestClient) -> None:
    found = client.get("/quality-profiles").json()
    assert found["total_count"] == len(found["profiles"]) >= 7
    assert {p["engine"] for p in found["f5tts_profiles"]} == {"f5"} and all(p["is_builtin"] for p in found["profiles"])
    for call in (client.patch, client.delete):
        more = {"json": {"name": "mine"}} if call == client.patch else {}
        answer = call("/quality-profiles/builtin/builtin_fast", **more)
        assert answer.status_code == 400 and "is built in and cannot be changed" in answer.json()["detail"]


def test_an_own_one_lives_its_life(client: TestClient) -> None:
    body = {"name": "Careful", "parameters": {"nfe_step": 24, "speed": 0.9}}
    made = client.post("/quality-profiles/builtin", json=body)
    assert made.status_code == 201 and made.json()["parameters"] == body["parameters"]
    place = f"/quality-profiles/builtin/{made.json()['id']}"
    assert client.post("/quality-profiles", json=body | {"engine": "builtin"}).status_code == 409
    changed = client.patch(place, json={"description": "slow", "parameters": {"nfe_step": 20}}).json()
    assert changed["parameters"] == {"nfe_step": 20} and changed["description"] == "slow"
    assert client.post(f"{place}/set-default").json()["is_default"]
    assert [p["id"] for p in client.get("/quality-profiles/builtin").json()["profiles"] if p["is_default"]] == [
        made.json()["id"]
    ]
    copy = client.post(f"{place}/duplicate", params={"new_name": "Copy"})
    assert copy.status_code == 201 and copy.json()["parameters"] == {"nfe_step": 20} and not copy.json()["is_default"]
    assert client.delete(place).status_code == 204 and client.get(place).status_code == 404
    assert client.get("/quality-profiles/builtin/builtin_balanced").json()["is_default"]


def test_the_engine_of_the_path_counts(client: TestClient) -> None:
    assert client.get("/quality-profiles/f5tts/f5tts_fast").status_code == 200
    assert client.get("/quality-profiles/builtin/f5tts_fast").status_code == 404
    assert client.get("/quality-profiles/rvc").status_code == 400


def test_wrong_parameters_are_refused(client: TestClient) -> None:
    for parameters in ({"nfe_step": 0}, {"nfe_step": 1.5}, {"seed": 1}, {"speed": "fast"}):
        answer = client.post("/quality-profiles/builtin", json={"name": "Wrong", "parameters": parameters})
        assert answer.status_code == 422, parameters
    rms = client.post("/quality-profiles/builtin", json={"name": "Wrong", "parameters": {"target_rms": 0.1}})
    assert rms.status_code == 400 and "cannot set 'target_rms'" in rms.json()["detail"]
    assert client.post("/quality-profiles/builtin", json={"name": " ", "parameters": {}}).status_code == 400


def test_parameters_of_requests_are_the_options_of_a_synthesis() -> None:
    assert set(Parameters.model_fields) == set(described_options())


def test_every_engine_tells_what_its_profiles_may_set(client: TestClient) -> None:
    told = client.get("/quality-profiles").json()["parameters"]
    refused = {"builtin": builtin.UNUSED_OPTIONS, "f5": CODE_OPTIONS, "xtts": xtts.UNUSED_OPTIONS}
    of_a_request = {"seed", "fix_duration_s"}
    assert {engine: set(names) for engine, names in told.items()} == {
        engine: set(described_options()) - of_a_request - set(unused) for engine, unused in refused.items()
    }
