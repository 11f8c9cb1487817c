"""Tests that share something slow run in one worker, so that it is made once."""

import os

import pytest

pytestmark = pytest.mark.xdist_group("groups")


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all tests")
def test_the_group_is_known_to_the_scheduler(request):
    assert request.node.nodeid.endswith("@groups")
