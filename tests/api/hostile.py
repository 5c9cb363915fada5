"""Text that nobody sends by accident."""

from urllib.parse import quote

TEXTS = [
    "",
    "\x00",
    "a\x00b",
    "a\r\nX-Injected: 1",
    "a" * 10_000,
    "\U0001f40d" * 500,
    "\u212aivy",  # KELVIN SIGN
    "fl\u0430sk",  # CYRILLIC SMALL LETTER A
    "\uff46\uff4c\uff41\uff53\uff4b",  # full width
    "\u202egnp.ksalf",  # RIGHT-TO-LEFT OVERRIDE
    "' OR 1=1; DROP TABLE pyzn.days; --",
    "%s %(project)s {} {0.__class__} ${jndi:ldap://127.0.0.1/}",
    "../../../etc/passwd",
    "<script>alert(1)</script>",
    '"><svg onload="alert(1)"/><foreignObject><body onload=alert(1)>',
    "]]><![CDATA[",
    '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
    "javascript:alert(1)",
    "url(#r)",
    "999999999999999999999999",
    "-1",
    "1e309",
    "NaN",
    "0001-01-01",
    "9999-12-31",
    "[]",
]
BYTES = ["%FF%FE", "%C0%AF", "%ED%A0%80", "%F4%90%80%80", "%", "%zz", "%2500", "%u0041", "+"]
PARTS = [quote(text, safe="") for text in TEXTS] + BYTES
