"""Country codes: the tables hold ISO 3166-1 alpha-2, the front end's map is keyed by alpha-3."""

import json
from functools import cache

import pycountry

UNKNOWN = "(unknown)"  # the tables' key for a download whose country is not known


@cache
def alpha_3_by_alpha_2() -> str:
    """A JSON object from the tables' keys to the front end's: {"US": "USA", ..., "(unknown)": "null"}.

    A code that ISO does not list (user-assigned, withdrawn) has no entry; it is passed on as it is,
    since dropping it would make the day's sum wrong.
    """
    codes = {country.alpha_2: country.alpha_3 for country in pycountry.countries}
    return json.dumps(codes | {UNKNOWN: "null"})
