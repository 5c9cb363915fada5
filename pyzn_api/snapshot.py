"""What one answer is rendered from: its share of the ledger, and rows of the tables at the same moment."""

from collections.abc import Sequence

from pyzn_api.database import ANSWER_SECONDS, Budget, Database, Row
from pyzn_api.ledger import Basis, Ledger


class Snapshot:
    """The ledger as far as `basis` names it, and the tables; tells when the tables are newer than the ledger."""

    def __init__(self, database: Database, ledger: Ledger, basis: Basis) -> None:
        self.window = basis.window
        self.ledger = ledger.shown(basis)
        self.outdated = False  # whether rows were read that the ledger does not know yet
        self._edition = ledger.edition
        self._database = database
        self._budget = Budget(ANSWER_SECONDS)  # of all statements of the answer together

    async def rows(self, name: str, **parameters: object) -> Sequence[Row]:
        """The rows of sql/`name`.sql, which may use the window as `start` and `end`. Raises DatabaseAwayError."""
        rows = await self._database.rows(name, {**self.window._asdict(), **parameters}, self._budget)
        self.outdated |= any(row[-1] != self._edition for row in rows)
        return [row[:-1] for row in rows]
