"""The package's page: README with links that work there, addresses, and a citation of the same release."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.version import Version
from setuptools.dist import Distribution

from speechlip import __version__

PROJECT = Path(__file__).parents[1]
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def declared():
    """The metadata that ``setup.py`` declares, as setuptools reads it."""
    from distutils.core import run_setup

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        distribution = run_setup("setup.py", stop_after="init")
    assert isinstance(distribution, Distribution)
    return distribution.metadata


def test_every_link_of_the_long_description_is_the_same_file_of_the_repository(declared):
    readme, shown = (PROJECT / "README.md").read_text(), declared.long_description
    for (image, before), (still, after) in zip(LINK.findall(readme), LINK.findall(shown), strict=True):
        assert image == still
        if re.match("https?:|#", before):
            assert after == before
        else:
            assert after == f"{declared.url}/{'raw' if image else 'blob'}/main/{before}"
            assert (PROJECT / before.partition("#")[0]).exists()
    assert LINK.sub("", shown) == LINK.sub("", readme)


def test_the_package_says_whose_it_is_and_where(declared):
    assert (declared.author, declared.license) == ("speechlip maintainers", "MIT")
    assert all(address.startswith(declared.url) for address in declared.project_urls.values())
    assert {"Documentation", "Changelog", "Issues"} <= declared.project_urls.keys()
    assert "Intended Audience :: Science/Research" in declared.classifiers


def test_citation_changelog_and_package_are_of_one_release(declared):
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    assert citation["version"] == __version__ == declared.version
    assert citation["repository-code"] == declared.url
    assert [author["name"] for author in citation["authors"]] == [declared.author]
    headings = re.findall(r"^## (.+)$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", __version__]
    assert headings[1:] == sorted(headings[1:], key=Version, reverse=True)


def test_every_release_says_what_was_added_changed_and_fixed():
    _, *releases = re.split(r"^## ", (PROJECT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    for release in releases:
        assert re.findall(r"^### (.+)$", release, re.MULTILINE) == ["Added", "Changed", "Fixed"]
