"""The mutations of `make chaos-selftest` fit the tree as it is; that each is noticed is for the self-test itself."""

import pytest

from chaos.__main__ import CHECKS
from chaos.mutations import MUTATIONS, Mutation
from chaos.selftest import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_a_mutation_takes_away_is_there(mutation: Mutation) -> None:
    for file, text, _ in mutation.edits:
        assert text in (ROOT / file).read_text(encoding="utf-8")


def test_every_check_has_a_mutation_that_it_must_notice() -> None:
    assert {mutation.check for mutation in MUTATIONS} == {check.name for check in CHECKS}
