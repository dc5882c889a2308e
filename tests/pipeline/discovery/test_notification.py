"""The notification says how many suggestions wait and where, and nothing that they say."""

import pytest

from pipeline.discovery.hub import notification


@pytest.mark.parametrize(("waiting", "beginning"), [(1, "1 suggestion for an"), (12, "12 suggestions for")])
def test_it_counts_and_leads_there(waiting: int, beginning: str) -> None:
    """With a link that every release since 2023 has."""
    said = notification(waiting)
    assert said.title == "ha-ai"
    assert said.message.startswith(beginning)
    assert "](/config/integrations/integration/mqtt)" in said.message
