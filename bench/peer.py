"""A service as pypistats.org is built, to compare with: Flask and SQLAlchemy behind gunicorn, a row a count.

Its tables have that service's layout: `recent` holds three sums a package, made beforehand; `overall` a row a day,
package and category; both with a primary key and an index by package. Fills them from the days of the benchmark.
"""

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from flask import Flask, Response, abort, jsonify
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

from bench.database import Database
from bench.load import get, running
from pyzn_local.ports import free_port

THREADS = 8

TABLES = """
CREATE SCHEMA peer AUTHORIZATION CURRENT_USER;
CREATE TABLE peer.recent (package text, category text, downloads bigint NOT NULL, PRIMARY KEY (package, category));
INSERT INTO peer.recent
SELECT project, category, sum(downloads)
FROM pyzn.project_days, LATERAL (VALUES ('day', 1), ('week', 7), ('month', 30)) AS period (category, days)
WHERE day > (SELECT max(day) FROM pyzn.days) - days
GROUP BY 1, 2;
CREATE TABLE peer.overall (
    date date, package text, category text, downloads bigint NOT NULL, PRIMARY KEY (date, package, category)
);
INSERT INTO peer.overall
SELECT day, project, category, counted.downloads
FROM pyzn.project_days, LATERAL (
    VALUES ('with_mirrors', project_days.downloads), ('without_mirrors', downloads_without_mirrors)
) AS counted (category, downloads)
WHERE day > (SELECT max(day) FROM pyzn.days) - 180
ORDER BY day, project;
CREATE INDEX ON peer.recent (package);
CREATE INDEX ON peer.overall (package);
VACUUM ANALYZE peer.recent, peer.overall;
"""


class _Base(DeclarativeBase):
    __table_args__ = {"schema": "peer"}  # noqa: RUF012 - as SQLAlchemy has it


class Recent(_Base):
    __tablename__ = "recent"
    package: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    downloads: Mapped[int]


class Overall(_Base):
    __tablename__ = "overall"
    date: Mapped[datetime.date] = mapped_column(primary_key=True)
    package: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    downloads: Mapped[int]


def app() -> Flask:
    """Return the WSGI application, on the database of PEER_DATABASE_URL."""
    session: scoped_session[Session] = scoped_session(
        sessionmaker(create_engine(os.environ["PEER_DATABASE_URL"], pool_size=THREADS))
    )
    made = Flask("peer")
    made.teardown_appcontext(lambda _: session.remove())

    @made.get("/api/packages/<package>/recent")
    def recent(package: str) -> Response:
        rows = session.query(Recent).filter_by(package=package).all()
        if not rows:
            abort(404)
        data = {f"last_{row.category}": row.downloads for row in rows}
        return jsonify({"package": package, "type": "recent_downloads", "data": data})

    @made.get("/api/packages/<package>/overall")
    def overall(package: str) -> Response:
        rows = session.query(Overall).filter_by(package=package).order_by(Overall.category, Overall.date).all()
        if not rows:
            abort(404)
        data = [{"category": row.category, "date": str(row.date), "downloads": row.downloads} for row in rows]
        return jsonify({"package": package, "type": "overall_downloads", "data": data})

    return made


@contextmanager
def running_peer(own: Database) -> Iterator[int]:
    """Run one process of that service, with as many threads as the API has connections; yields its port."""
    with psycopg.connect(own.owner_url, autocommit=True) as owner:
        for statement in TABLES.split(";\n"):
            owner.execute(statement.encode())
    port = free_port()
    url = own.owner_url.replace("postgresql://", "postgresql+psycopg://")
    command = ["gunicorn", "bench.peer:app()", "-b", f"127.0.0.1:{port}", "-w", "1", "-k", "gthread"]
    with running(port, [*command, "--threads", str(THREADS), "--log-level", "error"], PEER_DATABASE_URL=url):
        get(port, "/api/packages/project-1/recent")  # its worker starts when its master listens already
        yield port
