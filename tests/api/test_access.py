"""The admin route's password, and optional keys."""

import time

import httpx
import pytest

from pyzn_api.errors import UNAUTHORIZED
from pyzn_api.passwords import TOO_MANY_GUESSES, matches
from tests.api.conftest import connect, hashed, serving, settings
from tests.conftest import Database

ADMIN = "/api/v1/admin/projects/sampleproject"
PASSWORD = "correct horse & \u00e9"  # noqa: S105  # of the test


def assert_unauthorized(response: httpx.Response) -> None:
    assert response.status_code == 401
    assert response.json() == {"error": 401, "message": UNAUTHORIZED}


def test_without_a_configured_password_the_admin_route_is_closed(client: httpx.Client) -> None:
    assert_unauthorized(client.get(ADMIN, params={"password": "None"}))


def test_the_right_password_opens_every_day_held(stocked: Database) -> None:
    with serving(settings(stocked.api_url, admin_password_hash=hashed(PASSWORD))) as client:
        answer = client.get(ADMIN, params={"password": PASSWORD})
        assert answer.status_code == 200
        assert list(answer.json()) == ["id", "total_downloads", "versions", "downloads"]
        assert list(answer.json()["downloads"])[:2] == ["2025-07-19", "2025-07-20"]
        assert len(answer.json()["downloads"]) == 10
        assert answer.headers["cache-control"] == "private, no-store"
        unknown = client.get(ADMIN.replace("sample", "no-such-"), params={"password": PASSWORD})
        assert unknown.status_code == 404
        for wrong in ("", PASSWORD[:-1], PASSWORD + "x", "\x00", hashed(PASSWORD).get_secret_value()):
            assert_unauthorized(client.get(ADMIN, params={"password": wrong}))
        etag = answer.headers["etag"]
        assert_unauthorized(client.get(ADMIN, headers={"If-None-Match": etag}))


def guess(client: httpx.Client, password: str, address: str) -> httpx.Response:
    """Return the answer to a guess through a proxy that this machine trusts, so that each client has an address."""
    return client.get(ADMIN, params={"password": password}, headers={"X-Forwarded-For": address})


def test_five_hundred_guesses_of_who_hung_up_keep_nobody_out(stocked: Database) -> None:
    slow = hashed(PASSWORD, 200_000)  # a twentieth of a second each, or more
    with serving(settings(stocked.api_url, admin_password_hash=slow)) as client:
        assert guess(client, PASSWORD, "192.0.2.1").status_code == 200
        for number in range(500):
            with connect(client) as hasty:
                header = f"Host: a\r\nX-Forwarded-For: 192.0.2.{number % 200}"
                hasty.sendall(f"GET {ADMIN}?password={number} HTTP/1.1\r\n{header}\r\n\r\n".encode())
        deadline = time.monotonic() + 20  # five hundred guesses would take at least 25
        while (answer := guess(client, PASSWORD, "198.51.100.1")).status_code == 503:
            assert (answer.json()["message"], answer.headers["retry-after"]) == (TOO_MANY_GUESSES, "60")
            assert time.monotonic() < deadline
        assert answer.status_code == 200
        assert time.monotonic() < deadline


def test_an_address_has_ten_wrong_guesses_a_minute(stocked: Database) -> None:
    with serving(settings(stocked.api_url, admin_password_hash=hashed(PASSWORD))) as client:
        found = [guess(client, f"{number}", "192.0.2.1").status_code for number in range(12)]
        assert found == [401] * 10 + [503] * 2
        assert guess(client, PASSWORD, "192.0.2.1").status_code == 503
        assert [guess(client, PASSWORD, "192.0.2.2").status_code for _ in range(12)] == [200] * 12


# Made by werkzeug 3.1's generate_password_hash("sécret", method); its salt is text, not hex.
WERKZEUG = [
    "pbkdf2:sha256:1000$a1b2c3d4e5f60718$7cfd22248a75e3d57ee8808c001c7dfed6ad3f64d1c547624cc216587d734cba",
    "pbkdf2:sha512:1000$a1b2c3d4e5f60718$9f4acdec9fa2eb1fc095873dc29f48fe567805bc0dc3e38862f3016d4f053c12"
    "28f5e6de4a4611d58cc409741464b883e30be548c65356a42b24763226df2678",
]


@pytest.mark.parametrize("encoded", WERKZEUG)
def test_a_password_matches_the_hash_that_werkzeug_made_of_it(encoded: str) -> None:
    configured = settings("postgresql://a:b@c/d", admin_password_hash=encoded).admin_password_hash
    assert configured is not None
    assert matches("s\u00e9cret", configured)
    for wrong in ("secret", "s\u00e9cret ", "", encoded):
        assert not matches(wrong, configured)


@pytest.mark.parametrize(
    "wrong", ["scrypt:32768:8:1$a$b", "pbkdf2:sha256:0$salt$00", f"pbkdf2:sha256:1000$salt${'0' * 63}"]
)
def test_what_is_no_hash_of_that_form_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected pbkdf2:sha256"):
        settings("postgresql://a:b@c/d", admin_password_hash=wrong)


def test_with_keys_the_apis_routes_ask_for_one_and_badges_do_not(stocked: Database) -> None:
    with serving(settings(stocked.api_url, keys="first-key, second-key")) as client:
        for path in ("/api/projects/sampleproject", "/api/v4/status", "/service-api/v1/pro/projects/busy/downloads"):
            assert_unauthorized(client.get(path))
            assert_unauthorized(client.get(path, headers={"X-API-Key": "first-key, second-key"}))
            assert_unauthorized(client.get(path, headers={b"X-API-Key": b"\xff"}))
            for key in ("first-key", "second-key"):
                response = client.get(path, headers={"X-API-Key": key})
                assert response.status_code == 200
                assert "X-API-Key" in response.headers["vary"]
            assert client.options(path).status_code == 200
        for path in ("/health-check", "/metrics", "/openapi.json", "/docs", "/badge/sampleproject"):
            assert client.get(path).status_code == 200
        document = client.get("/openapi.json").json()
        assert document["paths"]["/api/v4/status"]["get"]["security"] == [{"key": []}]
        assert "security" not in document["paths"]["/badge/{project}"]["get"]
