import os
import ssl
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from daraja.client import Client, Exchange
from daraja.tests import server
from daraja.tests.server import TOKEN, Daraja, Reply
from daraja.tokens import LEASE_S, MemoryTokens, RedisTokens
from daraja.wire import StkPush, StkQuery
from lib import crypto

NOW = datetime(2026, 11, 21, 9, 30, 5, tzinfo=UTC)
ISSUED = {"access_token": "c9SQxWWhmdVRlyh0zh8gZDTkubVF", "expires_in": "3599"}


@pytest.fixture
def mpesa() -> Iterator[Daraja]:
    with server.running() as daraja:
        daraja.on(TOKEN, Reply(ISSUED))
        yield daraja


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
def make_client(mpesa: Daraja, exchanges: list[Exchange]) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(**changes: object) -> Client:
        values: dict[str, object] = {
            "base_url": mpesa.url,
            "consumer_key": "the-consumer-key",
            "consumer_secret": "the-consumer-secret",
            "tokens": MemoryTokens(),
            "observe": exchanges.append,
            "connect_timeout_s": 30.0,
            "read_timeout_s": 30.0,
        }
        client = Client(**(values | changes))  # type: ignore[arg-type]
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture
def push() -> StkPush:
    return StkPush(
        shortcode="174379",
        passkey="the-passkey",
        phone="254712345678",
        amount_cents=100_000,
        reference="PX4K7Q2M",
        description="WealthRise Deposit",
        callback_url="https://pay.example.co.ke/hooks/0123456789abcdef",
    )


@pytest.fixture
def query() -> StkQuery:
    return StkQuery(shortcode="174379", passkey="the-passkey", checkout_request_id="ws_CO_211120260930051712345678")


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    """A host with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(NOW - timedelta(days=3650)).not_valid_after(NOW + timedelta(days=3650))
    file = tmp_path / "host.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def keyring() -> crypto.Keyring:
    return crypto.Keyring([crypto.new_key()])


@pytest.fixture
def make_shared(keyring: crypto.Keyring) -> Iterator[Callable[..., RedisTokens]]:
    """Stores of one test share a prefix; each has a connection of its own, as processes have."""
    prefix = f"test-{uuid.uuid4().hex}"
    clients: list[redis.Redis] = []

    def make(url: str = os.environ["REDIS_URL"], lease_s: float = LEASE_S) -> RedisTokens:
        clients.append(redis.Redis.from_url(url, socket_connect_timeout=10, socket_timeout=30))
        return RedisTokens(
            clients[-1],
            seal=lambda plain: keyring.seal(plain, context="token"),
            open=lambda sealed: keyring.open(sealed, context="token"),
            prefix=prefix,
            lease_s=lease_s,
        )

    yield make
    for made in clients:
        made.close()
