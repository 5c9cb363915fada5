"""Everything that proves PyZn. None of it sees the settings of whoever runs it.

This is imported before any test, and by chaos and bench, so that no test can forget it; what they start as processes
inherits the same.
"""

import os
import resource

CALLERS = ("PYZN_", "DAGSTER_", "PG", "GOOGLE_", "CLOUDSDK_", "BIGQUERY_", "GCLOUD_", "GCE_", "NO_GCE_CHECK")

POSTGRES_BIN = os.environ.pop("PYZN_TEST_POSTGRES_BIN", None)
"""The programs of another PostgreSQL than the wheel's, for the tests of all that uses it."""

for _name in [name for name in os.environ if name.upper().startswith(CALLERS)]:  # pydantic reads pyzn_api_port as well
    del os.environ[_name]
# Nor the credentials of the machine: not gcloud's in the home folder, not those that a virtual machine at Google has.
os.environ |= {"CLOUDSDK_CONFIG": os.devnull, "NO_GCE_CHECK": "true"}
# Five hundred clients and their server are one process; an ordinary user begins with 1,024 files.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(_soft, min(_hard, 4096)) if _hard > 0 else 4096, _hard))
if POSTGRES_BIN:
    os.environ["PYZN_TEST_POSTGRES_BIN"] = POSTGRES_BIN  # for the processes that pytest-xdist starts
