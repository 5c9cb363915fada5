"""Secrets that clients send: the admin route's password against its hash, a key against a list."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence

from cachetools import TTLCache
from fastapi import Request
from pydantic import SecretStr

from pyzn_api.errors import ApiError

GUESSES_A_MINUTE = 10  # of one address
GUESSES_AT_ONCE = 8  # of all addresses: one is checked, the others wait
TOO_MANY_GUESSES = "Too many guesses of the password; try again in a minute."


class Guesses:
    """Guesses of the admin password, checked one at a time, some a minute of each address."""

    def __init__(self) -> None:
        self._checking = asyncio.Lock()
        self._waiting = 0
        self._recent: TTLCache[str, list[None]] = TTLCache(1000, 60)  # by address, seconds

    async def accepts(self, request: Request, password: str, expected: SecretStr) -> bool:
        """Return whether `password` is right; one of a client that has hung up is not checked.

        Raises ApiError (503) when too many are being checked, or this address has had too many wrong ones.
        """
        address = request.client.host if request.client else ""
        recent = self._recent.setdefault(address, [])
        if self._waiting >= GUESSES_AT_ONCE or len(recent) >= GUESSES_A_MINUTE:
            raise ApiError(TOO_MANY_GUESSES, 503, {"Retry-After": "60"})
        recent.append(None)
        self._waiting += 1
        try:
            async with self._checking:
                if await request.is_disconnected() or not await asyncio.to_thread(matches, password, expected):
                    return False
        finally:
            self._waiting -= 1
        self._recent.pop(address, None)
        return True


def matches(password: str, encoded: SecretStr) -> bool:
    """Return whether `password` has the hash `pbkdf2:DIGEST:ITERATIONS$SALT$HEX`, werkzeug's form.

    Takes as long as the iterations ask for, some tenths of a second of one core: call it in a thread.
    """
    method, salt, expected = encoded.get_secret_value().split("$")
    _, digest, iterations = method.split(":")
    found = hashlib.pbkdf2_hmac(digest, password.encode(), salt.encode(), int(iterations))
    return hmac.compare_digest(found.hex(), expected)


def is_one_of(key: str, keys: Sequence[SecretStr]) -> bool:
    """Return whether `key` is in `keys`; as slow for a wrong one as for any right one."""
    return sum(hmac.compare_digest(key.encode(), each.get_secret_value().encode()) for each in keys) > 0
