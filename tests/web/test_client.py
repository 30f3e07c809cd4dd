"""The client's methods for the history, over a real socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.web import ApiError, Client, WebSettings

from .history_data import STEADY, rows, served_with


@pytest.fixture(scope="module")
def client(settings: WebSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served_with(settings, tmp_path_factory.mktemp("served")) as address:
        yield Client(address)


def test_a_history_from_elsewhere(client: Client) -> None:
    sent = rows(*STEADY, instrument="far")
    assert client.record(sent) == 20
    assert client.record(sent) == 0
    assert [row["id"] for row in client.history(instrument="far", limit=2)] == [
        *(sent[-1]["id"], sent[-2]["id"])
    ]
    frozen = client.freeze("f", "far", "2026-03-01", "2026-03-22", operator="Ada")
    assert client.baselines("far") == [frozen]
    note = client.annotate("new lamp", "far", at="2026-03-20", operator="Bo")
    chart = client.chart("far", quantity="delta_z_um", since="2026-03-10")
    assert chart["baseline"] == frozen
    assert [one["text"] for one in chart["annotations"]] == [note["note"]]
    with pytest.raises(ApiError, match="another name") as conflict:
        client.freeze("f", "far", "2026-03-01", "2026-03-22")
    assert (conflict.value.status, conflict.value.code) == (409, "history_error")
    (new,) = client.correct([sent[0]["id"]], note="wrong slide", withdraw=True, operator="Grace")
    assert (new["status"], new["corrected_by"]) == ("refused", "Grace")
    assert client.record(client.history(instrument="far", with_corrected=True)) == 0


def test_more_records_than_one_request_takes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refp.web.client.MAX_RECORDS", 7)
    assert client.record(rows(*STEADY, instrument="parts")) == 20
    assert len(client.history(instrument="parts")) == 20


def test_images(client: Client, image_files: list[Path]) -> None:
    (row,) = client.estimate([image_files[4]], operator="Ada")
    (there,) = client.estimate_there([image_files[4].name], operator="Bo")
    answer = client.check(image_files[4], instrument="a2k", operator="Grace")
    assert row["delta_z_um"] == there["delta_z_um"] == answer["estimate"]["delta_z_um"]
    newest = client.history(instrument="a2k")
    assert [(one["operator"], one["purpose"]) for one in newest] == [
        *(("Grace", "daily"), ("Bo", ""), ("Ada", ""))
    ]
    assert answer["record"] == newest[0]


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(OSError, match=address):
            Client(address).health()
