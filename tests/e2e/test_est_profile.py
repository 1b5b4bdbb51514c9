"""The profile in docs/protocol/est.md: every row has its test, and every test names rows that exist."""
import pytest

from est_lab import profile_rows, rows_of


@pytest.mark.last
def test_every_row_has_a_test(request):
    named = {row for item in request.session.items for row in rows_of(item)}
    rows = set(profile_rows())
    assert named <= rows, f"rows that the profile does not have: {sorted(named - rows)}"
    config = request.config
    if config.option.keyword or any("::" in word or word.endswith(".py") for word in config.args):
        pytest.skip("not the whole suite")
    assert rows <= named, f"rows without a test: {sorted(rows - named)}"
