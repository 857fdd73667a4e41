"""A drawn head."""

import pytest


@pytest.fixture(scope="session")
def portrait():
    from speechlip.recipes._synthetic.identity import identity
    from speechlip.recipes._synthetic.portrait import portrait

    return portrait(identity(0, 0), [0, 0], 128)
