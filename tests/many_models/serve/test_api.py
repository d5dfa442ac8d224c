"""Forecasts for programs."""

from __future__ import annotations

import json
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from served import STORES, job, process, sales
from starlette.testclient import TestClient

from forecaster import Classifier
from many_models import ManyModels, Registry, Run
from many_models.commands import serving
from many_models.serve import shelf
from many_models.serve.access import Access, add_key
from many_models.serve.gate import Bounds
from many_models.serve.schemas import ARROW
from many_models.serve.shelf import Offer

Ask = Callable[..., TestClient]


def test_a_model_tells_what_it_is(ask: Ask) -> None:
    told = ask().get("/v1/models/nightly").json()
    assert told["partition_by"] == ["store"]
    assert told["horizon"] == 7
    assert told["groups"] == len(STORES)
    assert [row["store"] for row in ask().get("/v1/models/nightly/groups?count=2").json()] == ["north", "south <b>"]


@pytest.mark.parametrize("store", STORES)
def test_one_group_is_what_the_run_forecasts(ask: Ask, trained: Run, store: str) -> None:
    rows = ask().get("/v1/models/nightly/forecast", params={"store": store}).json()["rows"]
    wanted = trained.table("forecasts").to_pandas().query("store == @store")
    assert [row["forecast"] for row in rows] == wanted["forecast"].tolist()
    assert [row["day"] for row in rows] == wanted["day"].astype(str).tolist()
    assert list(rows[0]) == ["store", "day", "forecast", "q0.1", "q0.5", "q0.9"]


def test_many_groups_come_in_the_order_asked_for_as_json_and_as_arrow(ask: Ask) -> None:
    body = {"groups": [{"store": "west"}, {"store": "north"}], "horizon": 3}
    rows = ask().post("/v1/models/nightly/forecast", json=body).json()["rows"]
    assert [row["store"] for row in rows] == ["west"] * 3 + ["north"] * 3
    answer = ask().post("/v1/models/nightly/forecast", json=body, headers={"accept": ARROW})
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table["forecast"].to_pylist() == [row["forecast"] for row in rows]


def test_the_future_of_a_price_changes_the_forecast(ask: Ask, trained: Run) -> None:
    days = np.datetime64("2024-03-01") + np.arange(7)
    future = [{"store": "north", "day": str(day), "price": price} for day, price in zip(days, [1.0, 2.0] * 4, strict=False)]
    rows = ask().post("/v1/models/nightly/forecast", json={"groups": [{"store": "north"}], "future": future}).json()["rows"]
    with pytest.warns(UserWarning, match="no row in future"):
        wanted = trained.forecast(pa.Table.from_pylist(future)).to_pandas().query("store == 'north'")
    assert [row["forecast"] for row in rows] == wanted["forecast"].tolist()


def test_an_answer_says_what_stood_for_a_future_that_was_not_given(ask: Ask) -> None:
    def notes(**body: object) -> list[str]:
        told: list[str] = (
            ask().post("/v1/models/nightly/forecast", json={"groups": [{"store": "north"}, {"store": "west"}], **body}).json()["notes"]
        )
        return told

    days = [str(np.datetime64("2024-03-01") + i) for i in range(7)]
    whole = [{"store": store, "day": day, "price": 1.0} for store in ("north", "west") for day in days]
    assert not any("last known value" in note for note in notes(future=whole))
    assert notes(future=whole[:-2])[1:] == [
        "west: day: 2 steps have no row in future, the first 2024-03-06; the last known value stands there. Give all steps of every series"
    ]
    (said,) = notes()
    assert said.startswith("price: no future was given: the last known value")
    assert notes(horizon=3)[0].startswith("price: no future was given: the last known value")
    arrow = ask().post("/v1/models/nightly/forecast", json={"groups": [{"store": "north"}]}, headers={"accept": ARROW})
    assert json.loads(pa.ipc.open_stream(arrow.content).schema.metadata[b"forecaster"])["notes"] == [said]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/v1/models/nightli", 404, "did you mean 'nightly'"),
        ("/v1/models/nightly/forecast?store=nort", 404, "did you mean 'north'"),
        ("/v1/models/nightly/forecast?shop=north", 404, "partition column"),
        ("/v1/models/nightly/forecast", 404, "store is missing"),
        ("/v1/models/nightly/forecast?store=north&horizon=0", 422, "horizon"),
        ("/v1/jobs/..%2F..", 404, "Not Found"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(ask: Ask, path: str, status: int, told: str) -> None:
    answer = ask().get(path)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


def test_mixed_values_of_a_future_are_refused(ask: Ask) -> None:
    future = [{"store": "north", "day": "2024-03-01", "price": 1.0}, {"store": "north", "day": "2024-03-02", "price": "x"}]
    answer = ask().post("/v1/models/nightly/forecast", json={"groups": [{"store": "north"}], "future": future})
    assert answer.status_code == 422
    assert "one kind" in answer.json()["detail"]


def test_keys_have_roles(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    reader, operator = add_key(file, "planner", "read"), add_key(file, "nightly", "operate")
    assert reader not in file.read_text()
    client = ask(access=Access.read(file))

    def status(key: str | None, method: str = "GET", path: str = "/v1/models", **body: Any) -> int:
        return client.request(method, path, headers={"authorization": f"Bearer {key}"} if key else {}, **body).status_code

    assert [status(None), status("wrong"), status(reader), status(operator)] == [401, 401, 200, 200]
    batch = {"json": {"kind": "forecast", "model": "nightly"}}
    assert status(reader, "POST", "/v1/jobs", **batch) == 403
    assert status(operator, "POST", "/v1/jobs", **batch) == 202


def test_without_keys_only_this_machine_may_listen() -> None:
    from many_models.serve.access import check_open

    for host in ("127.0.0.1", "localhost", "::1"):
        check_open(host, Access())
    for host in ("0.0.0.0", "10.0.0.1", "example.org", "::"):
        with pytest.raises(ValueError, match="no keys"):
            check_open(host, Access())


def test_a_file_of_keys_without_a_key_lets_nobody_in(trained: Run, tmp_path: Path) -> None:
    for file in (tmp_path / "mistyped.yaml", tmp_path / "empty.yaml"):
        (tmp_path / "empty.yaml").touch()
        with pytest.raises(ValueError, match="there is no key in it"):
            serving.serve(trained.path, keys_file=file)


def test_the_name_of_a_run_is_a_name_and_no_address(ask: Ask, trained: Run, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "week 7 #2?").symlink_to(trained.path)
    client = ask(shelf=shelf.Runs(tmp_path / "runs"))
    assert 'href="/runs/week%207%20%232%3F"' in client.get("/").text
    page = client.get("/runs/week%207%20%232%3F")
    assert page.status_code == 200
    assert 'href="/runs/week%207%20%232%3F/group?store=north"' in page.text
    assert client.get("/runs/week%207%20%232%3F/report").headers["x-content-type-options"] == "nosniff"


def test_rate_and_size_have_bounds(ask: Ask) -> None:
    slow = ask(bounds=Bounds(rate=1.0))
    codes = [slow.get("/v1/models").status_code for _ in range(4)]
    assert codes == [200, 200, 429, 429]
    small = ask(bounds=Bounds(size=100))
    assert small.post("/v1/models/nightly/forecast", content=b"x" * 101).status_code == 413
    assert small.post("/v1/models/nightly/forecast", content=(b"x" * 60 for _ in range(3))).status_code == 413


def test_another_site_cannot_reach_the_server_through_a_browser(ask: Ask) -> None:
    client = ask()
    assert client.get("/v1/models", headers={"host": "evil.example"}).status_code == 421
    assert (
        client.post("/v1/jobs", json={"kind": "forecast", "model": "nightly"}, headers={"origin": "http://evil.example"}).status_code == 403
    )


def test_who_asked_is_noted_and_counted(ask: Ask, tmp_path: Path) -> None:
    client = ask()
    client.get("/v1/models/nightly/forecast", params={"store": "north"})
    noted = [json.loads(line) for line in (tmp_path / "home" / "audit.jsonl").read_text().splitlines()]
    assert [(row["path"], row["status"]) for row in noted] == [("/v1/models/nightly/forecast", 200)]
    assert 'forecaster_groups_forecast_total{model="nightly"' in client.get("/metrics").text


class Two:
    """Two versions of one model."""

    def __init__(self, first: Path, second: Path, share: float = 0.5, shadow: bool = False) -> None:
        self.made = [Offer("1", first, 1 - share if not shadow else 1.0), Offer("2", second, share, shadow)]

    def offers(self) -> dict[str, list[Offer]]:
        return {"sales": self.made}


@pytest.fixture(scope="session")
def other(trained: Run) -> Run:
    """The same groups with another learner."""
    return ManyModels(job(learners=["average"]), ["store"]).train(
        sales(), trained.path.parent / "data" / "other", workers=1, progress=False
    )


def test_groups_are_split_between_versions_and_stay_with_theirs(ask: Ask, trained: Run, other: Run) -> None:
    client = ask(shelf=Two(trained.path, other.path))

    def versions() -> list[list[str]]:
        return [client.get("/v1/models/sales/forecast", params={"store": store}).json()["versions"] for store in STORES]

    assert versions() == versions()
    assert {version for one in versions() for version in one} == {"1", "2"}


def test_a_version_in_the_shadow_is_measured_and_not_heard(ask: Ask, trained: Run, other: Run) -> None:
    client = ask(shelf=Two(trained.path, other.path, shadow=True))
    assert client.get("/v1/models/sales/forecast", params={"store": "north"}).json()["versions"] == ["1"]
    _comes(client, 'forecaster_shadow_difference_count{model="sales"} 1.0')


def test_a_version_in_the_shadow_that_is_broken_is_noted_and_not_heard(ask: Ask, trained: Run, tmp_path: Path) -> None:
    client = ask(shelf=Two(trained.path, tmp_path / "gone", shadow=True))
    assert client.get("/v1/models/sales/forecast", params={"store": "north"}).json()["versions"] == ["1"]
    _comes(client, 'forecaster_requests_total{method="SHADOW",route="sales",status="500"} 1.0')


def _comes(client: TestClient, line: str) -> None:
    """Wait for a line of the counters: nobody who is answered waits for the shadow."""
    for _ in range(600):
        if line in (told := client.get("/metrics").text):
            return
        time.sleep(0.05)
    pytest.fail(f"{line} is not in {told}")


def test_the_champion_of_a_registry_answers_as_soon_as_it_is_one(
    ask: Ask, trained: Run, other: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "FRESH", 0.0)
    books = Registry(tmp_path / "books")
    books.register("sales", trained, alias="champion")
    books.register("sales", other, alias="challenger")
    client = ask(shelf=shelf.Registered(books))

    def version() -> list[str]:
        return list(client.get("/v1/models/sales/forecast", params={"store": "north"}).json()["versions"])

    assert version() == ["1"]
    told = client.post("/v1/models/sales/promote", json={"version": 2, "reason": "better"}).json()
    assert (told["version"], told["promoted"], version()) == (2, True, ["2"])
    assert client.post("/v1/models/sales/rollback", json={}).json()["version"] == 1
    assert version() == ["1"]
    assert [row["aliases"] for row in client.get("/v1/models/sales/versions").json()] == [["champion"], ["challenger"]]
    assert client.post("/v1/models/sales/promote", json={"version": 9}).status_code == 404
    assert "better (local)" in books.audit("sales")["reason"].tolist()


def test_a_damaged_champion_is_trouble_of_its_own_model_only(ask: Ask, trained: Run, other: Run, tmp_path: Path) -> None:
    books = Registry(tmp_path / "books")
    books.register("costs", other, alias="champion")
    books.register("sales", trained, alias="champion")
    (books.place("costs") / "run.json").write_text("{")
    client = ask(shelf=shelf.Registered(books))
    asked = {name: client.get(f"/v1/models/{name}/forecast", params={"store": "north"}) for name in ("costs", "sales")}
    assert (asked["costs"].status_code, asked["sales"].status_code) == (503, 200)
    assert "run.json is damaged" in asked["costs"].json()["detail"]
    assert [model["name"] for model in client.get("/v1/models").json()] == ["sales"]
    page = client.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "damaged" in page.text


def test_a_challenger_gets_its_share_of_the_groups(ask: Ask, trained: Run, other: Run, tmp_path: Path) -> None:
    books = Registry(tmp_path / "books")
    books.register("sales", trained, alias="champion")
    books.register("sales", other, alias="challenger")
    for share, wanted in ((0.0, {"1"}), (0.5, {"1", "2"}), (1.0, {"2"})):
        client = ask(shelf=shelf.Registered(books, split=share))
        asked = [client.get("/v1/models/sales/forecast", params={"store": store}).json()["versions"][0] for store in STORES]
        assert set(asked) == wanted


def test_a_run_of_classifiers_is_shown_and_forecasts_nothing(ask: Ask, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pa.table({"region": ["a", "b"] * 60, "age": rng.normal(size=120), "left": rng.choice(["yes", "no"], 120)})
    ManyModels(Classifier("left", learners=["logistic_regression"]), "region").train(
        rows, tmp_path / "all" / "churn", workers=1, progress=False
    )
    client = ask(shelf=shelf.Runs(tmp_path / "all"))
    told = client.get("/v1/models/churn").json()
    assert (told["time"], told["horizon"], told["groups"]) == (None, None, 2)
    answer = client.get("/v1/models/churn/forecast", params={"region": "a"})
    assert answer.status_code == 422
    assert "Run.predict" in answer.json()["detail"]
    for page in ("/", "/runs/churn", "/runs/churn/group?region=a"):
        assert client.get(page, headers={"accept": "text/html"}).status_code == 200, page
    shown = client.get("/runs/churn/group?region=a").text
    assert "Of 60 rows that the model had not seen" in shown
    assert [title for title in ("Confusion", "ROC", "Lift", "Calibration") if f"<b>{title}</b>" not in shown] == []


def test_a_batch_job_writes_what_the_run_forecasts(ask: Ask, trained: Run) -> None:
    client = ask()
    number = client.post("/v1/jobs", json={"kind": "forecast", "model": "nightly"}).json()["id"]
    told = _ended(client, number)
    assert told["status"] == "done", told
    content = client.get(f"/v1/jobs/{number}/result").content
    assert pa.parquet.read_table(pa.BufferReader(content)).num_rows == trained.table("forecasts").num_rows


@pytest.mark.parametrize("data", ["../nightly/run.json", "/etc/passwd", "absent.parquet", "a\0b", ""])
def test_jobs_read_below_the_data_folder_only(ask: Ask, data: str) -> None:
    body = {"kind": "train", "run": "new", "data": data, "job": {"horizon": 2, "partition_by": "store"}}
    answer = ask().post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert "below the data folder" in answer.json()["detail"]


def test_a_stopped_server_answers_what_it_was_asked_and_then_ends(trained: Run, tmp_path: Path) -> None:
    with process("--run", trained.path, "--home", tmp_path) as (server, address):
        body = json.dumps({"groups": [{"store": store} for store in STORES], "horizon": 4000}).encode()
        got: list[int] = []

        def work() -> None:
            request = urllib.request.Request(f"{address}/v1/models/nightly/forecast", body, {"content-type": "application/json"})
            got.append(len(json.loads(urllib.request.urlopen(request, timeout=60).read())["rows"]))

        asking = threading.Thread(target=work)
        asking.start()
        time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        asking.join(60)
        assert server.wait(30) in (0, -signal.SIGTERM)
        assert got == [len(STORES) * 4000]
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"{address}/health", timeout=1)


def test_a_newer_training_is_served_without_a_restart(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "FRESH", 0.0)
    many = ManyModels(job(), ["store"])
    many.train(sales(50), tmp_path / "all" / "nightly", workers=1, progress=False)
    client = ask(shelf=shelf.Runs(tmp_path / "all"))

    def first() -> str:
        return str(client.get("/v1/models/nightly/forecast", params={"store": "north"}).json()["rows"][0]["day"])

    before = first()
    many.train(sales(60), tmp_path / "all" / "nightly", workers=1, progress=False)
    assert (before, first()) == ("2024-02-20", "2024-03-01")


def _ended(client: TestClient, number: str) -> dict[str, Any]:
    for _ in range(300):
        told: dict[str, Any] = client.get(f"/v1/jobs/{number}").json()
        if told["status"] not in ("waiting", "running"):
            return told
        time.sleep(0.1)
    raise AssertionError(told)
