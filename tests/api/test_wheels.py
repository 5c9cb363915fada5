from dataclasses import astuple
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from pyzn_api.wheels import tags_of
from pyzn_pipeline.breakdowns import UNKNOWN
from pyzn_pipeline.keys import OTHER
from tests.wheels import WHEELS


def test_the_tags_of_every_shape_of_file_are_understood() -> None:
    assert len(WHEELS) >= 300
    for wheel in WHEELS:
        assert astuple(tags_of(wheel.key)) == wheel[2:], wheel.filename


def test_a_key_has_the_tags_that_packaging_finds_in_the_name() -> None:
    found = 0
    for wheel in WHEELS:
        if wheel.key == OTHER:
            continue
        try:
            tags = parse_wheel_filename(unquote(wheel.filename))[3]
        except InvalidWheelFilename:
            continue
        parts = [sorted({getattr(tag, part) for tag in tags}) for part in ("interpreter", "abi", "platform")]
        assert wheel.key.lower() == "-".join(map(".".join, parts))
        found += 1
    assert found >= 300


def test_the_meaning_of_any_text_is_given() -> None:
    for key in ["", "-", "--", "a-b", "a-b-c", "a-b-c-d", OTHER, UNKNOWN]:
        assert tags_of(key).family == "other"
    assert tags_of(f"py3-none-manylinux_{'9' * 5000}_0_x86_64").glibc == UNKNOWN
