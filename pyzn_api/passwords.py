"""Secrets that clients send: a password against its hash, a key against a list."""

import hashlib
import hmac
from collections.abc import Sequence

from pydantic import SecretStr


def matches(password: str, encoded: SecretStr) -> bool:
    """Whether `password` has the hash `pbkdf2:DIGEST:ITERATIONS$SALT$HEX`, werkzeug's form.

    Takes as long as the iterations ask for, some tenths of a second of one core: call it in a thread.
    """
    method, salt, expected = encoded.get_secret_value().split("$")
    _, digest, iterations = method.split(":")
    found = hashlib.pbkdf2_hmac(digest, password.encode(), salt.encode(), int(iterations))
    return hmac.compare_digest(found.hex(), expected)


def is_one_of(key: str, keys: Sequence[SecretStr]) -> bool:
    """Whether `key` is in `keys`; as slow for a wrong one as for any right one."""
    digest = _digest(key)
    return sum(hmac.compare_digest(digest, _digest(each.get_secret_value())) for each in keys) > 0


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
