"""The proxy breaks a connection where it should, and what is behind it notices."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from chaos.proxy import Fault, Kind, Proxy
from pyzn_pipeline.store.database import engine
from tests.conftest import Database


@pytest.fixture
def proxy(database: Database) -> Iterator[tuple[Proxy, SecretStr]]:
    """A proxy before the test's database, and the URL by way of it."""
    direct = urlsplit(database.owner_url)
    with Proxy(f"{direct.hostname}:{direct.port}") as made:
        netloc = f"{direct.username}:{direct.password}@{made.address}"
        yield made, SecretStr(direct._replace(netloc=netloc).geturl())


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("upwards", [False, True])
def test_a_connection_that_breaks_in_its_first_query_ends_in_an_error(
    proxy: tuple[Proxy, SecretStr], kind: Kind, upwards: bool
) -> None:
    between, url = proxy
    store = engine(url, lifetime=1)
    store.connect().close()
    between.arm(None)
    store.connect().close()
    last = between.passed[not upwards] - 10  # it ends with a goodbye of 5 bytes
    between.arm(Fault(kind, upwards, last))
    with pytest.raises(OperationalError):
        store.connect()
    store.connect().close()
    store.dispose()
