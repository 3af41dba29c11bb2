from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from sqlalchemy import Engine

from campaigns.settings import Settings
from sends.transports import Security
from tests.factories import Factory
from tests.outfit import Outfit
from tests.relay_lab import Lab


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module", params=[True, False], ids=["pipelined", "lockstep"])
def is_pipelined(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module", params=list(Security))
def lab(request: pytest.FixtureRequest, authority: trustme.CA, ca_file: Path, is_pipelined: bool) -> Lab:
    return Lab(authority, ca_file, request.param, is_pipelined)


@pytest.fixture
def plain(authority: trustme.CA, ca_file: Path) -> Lab:
    return Lab(authority, ca_file, Security.NONE, is_pipelined=True)


@pytest.fixture
def starttls(authority: trustme.CA, ca_file: Path) -> Lab:
    return Lab(authority, ca_file, Security.STARTTLS, is_pipelined=True)


@pytest.fixture
def outfit(engine: Engine, factory: Factory, make_settings: Callable[..., Settings]) -> Outfit:
    outfit = Outfit(engine, factory, make_settings)
    outfit.launch()
    return outfit
