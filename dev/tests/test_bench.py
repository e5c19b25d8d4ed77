"""The bench reads its tools and draws its table right; measuring itself is no test."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dev.bench import figures, limits, load
from dev.bench.__main__ import PARTS, _refuse_production, chosen
from dev.bench.figures import Figure
from dev.places import Unusable

TOLD = """number of transactions actually processed: 1205
number of failed transactions: 0 (0.000%)
latency average = 5.123 ms
tps = 3120.456789 (without initial connection time)
"""


def test_parts_are_chosen_by_name() -> None:
    assert chosen([]) == chosen(["only="]) == list(PARTS)
    assert chosen(["only=settle,ack"]) == chosen(["settle", "ack"]) == ["settle", "ack"]
    with pytest.raises(Unusable, match="'speed'"):
        chosen(["only=speed"])


def test_a_figure_knows_whether_its_target_is_met() -> None:
    assert [Figure("ack", "", value, "", "≥ 0.35").verdict for value in (0.34, 0.35, 2)] == ["SHORT", "ok", "ok"]
    assert [Figure("pages", "", value, "", "≤ 1.3").verdict for value in (1.3, 1.31)] == ["ok", "SHORT"]
    assert Figure("chase", "", 1).verdict == ""


def test_quantiles_and_the_table() -> None:
    seconds = [n / 1000 for n in range(1, 101)]
    assert [one.value for one in figures.milliseconds("ack", "whole", seconds, p99="≤ 50")] == [51, 100]
    lines = figures.table(figures.milliseconds("ack", "whole", seconds, p99="≤ 50")).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["ack", "whole,", "p50", "51", "ms"],
        ["ack", "whole,", "p99", "100", "ms", "≤", "50", "SHORT"],
    ]


def test_what_pgbench_says() -> None:
    assert limits.tps(TOLD) == 3120.456789
    for wrong in ("", TOLD.replace("failed transactions: 0", "failed transactions: 3")):
        with pytest.raises(Unusable):
            limits.tps(wrong)


def test_it_does_not_run_on_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTION", "on")
    with pytest.raises(Unusable, match="PRODUCTION"):
        _refuse_production()


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if body == b"{}" else 403)
        self.send_header("Content-Length", "70000")
        self.end_headers()
        self.wfile.write(b"x" * 70_000)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_client_counts_whole_answers(port: int) -> None:
    good = load.request("POST", "/", port=port, body=b"{}")
    assert len(load.run(port, [good] * 20, clients=3).took) == 20
    assert len(load.run_at(port, [good] * 20, clients=3, per_second=1000).took) == 20
    assert load.run(port, [good], clients=3, seconds=0.1).per_second > 0
    with pytest.raises(Unusable, match="answered 403"):
        load.run(port, [load.request("POST", "/", port=port, body=b"[]")], clients=1)
