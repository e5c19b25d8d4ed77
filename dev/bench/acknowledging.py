"""How many callbacks a second are stored and answered, beside the same single insert of pgbench (CB-1)."""

import os

from dev.bench import limits, load, stage
from dev.bench.figures import Figure, milliseconds, shown
from dev.places import Unusable

CLIENTS = 16
SECONDS = 6.0
PAYMENTS = 2000
# As `payments.storing` writes one that comes alone; the sealed body is as long as a real one, and the row waits for a worker.
INSERT = """
INSERT INTO payments_callback (kind, environment, payment_id, submission, verdict, verdict_reason, path, address,
    body_sealed, size, received_at, state, attempts, next_attempt_at, outcome, error, checkout_hash)
VALUES ('STK', 'sandbox', 1, 1, 'TRUSTED', 'token', '/hooks/', '127.0.0.1',
    '\\x{sealed}'::bytea, {size}, now(), 'WAITING', 0, now(), '', '', '');
"""


def measure() -> list[Figure]:
    prepared = stage.product("acknowledging.prepare", PAYMENTS)
    size = len(prepared[0][1])
    script = INSERT.format(sealed=os.urandom(size + 28).hex(), size=size)
    before = limits.transactions_per_second(script, clients=CLIENTS, seconds=SECONDS / 2)
    stage.product("acknowledging.stored")
    with stage.hooks() as port:
        requests = [
            load.request("POST", path, port=port, body=body.encode(), headers={"Content-Type": "application/json"})
            for path, body in prepared
        ]
        load.run(port, requests, clients=CLIENTS, seconds=1.0)
        stage.product("acknowledging.stored")
        done = load.run(port, requests, clients=CLIENTS, seconds=SECONDS)
    stored = stage.product("acknowledging.stored")
    if stored != len(done.took):
        raise Unusable(f"{len(done.took)} callbacks were answered, and {stored} are stored")
    after = limits.transactions_per_second(script, clients=CLIENTS, seconds=SECONDS / 2)
    stage.product("acknowledging.stored")
    limit = (before + after) / 2
    return [
        Figure("ack", "callbacks stored and answered", shown(done.per_second), "/s"),
        Figure("ack", "pgbench, the same insert, as many clients", shown(limit), "/s"),
        Figure("ack", "stored and answered ÷ pgbench", shown(done.per_second / limit), "", "≥ 0.35"),
        *milliseconds("ack", f"from request to answer, {CLIENTS} at once", done.took),
    ]
