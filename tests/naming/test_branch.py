"""A branch's name made safe for paths."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steel_toes.naming.branch import Branch, make_slug


class TestSlug:
    """A name made safe for paths."""

    @pytest.mark.parametrize("name", ["feature-x", "main", "x", "2024", "a" * 40, "branch", "deadbeef"])
    def test_kept(self, name: str) -> None:
        """A name that is a slug already stays as it is."""
        assert make_slug(name) == name

    @pytest.mark.parametrize(
        ("name", "stem"),
        [
            ("feature/x", "feature-x"),
            ("Feature-X", "feature-x"),
            ("féature-x", "feature-x"),
            ("feature_x", "feature-x"),
            ("feature--x", "feature-x"),
            ("feature-x-1a2b3c4d", "feature-x-1a2b3c4d"),
            ("main:26", "main-26"),
            ("日本", "branch"),
            ("-", "branch"),
            ("a" * 41, "a" * 40),
            ("a" * 39 + "-" + "b", "a" * 39),
            ("{a,b}*?[x]'\"..%s", "a-b-x-s"),
            ("x\udcff", "x"),
        ],
    )
    def test_digest(self, name: str, stem: str) -> None:
        """A name that is no slug, or looks like one with a digest, gets its digest."""
        assert re.fullmatch(re.escape(stem) + "-[0-9a-f]{8}", make_slug(name))

    def test_is_stable(self) -> None:
        """The digest is the SHA-256's: a slug on disk is found again by every later version."""
        assert make_slug("feature/x") == "feature-x-217d2bf5"

    @given(st.text(st.characters(), min_size=1))
    def test_is_safe(self, name: str) -> None:
        """Every slug is one short path component of [a-z0-9-], without `--` and with a letter or digit at both ends."""
        slug = make_slug(name)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
        assert len(slug) <= 40 + 1 + 8

    @given(
        st.lists(
            st.one_of(st.text(st.characters(), min_size=1), st.text("aA-/_é.1", min_size=1, max_size=6)),
            min_size=2,
            max_size=20,
            unique=True,
        )
    )
    def test_is_distinct(self, names: list[str]) -> None:
        """Names that differ have slugs that differ, also on a disk that is blind to case."""
        assert len({make_slug(name).casefold() for name in names}) == len(names)

    @given(st.text(st.characters(), min_size=1))
    def test_of_a_slug(self, name: str) -> None:
        """A branch that is named as another's slug has another slug, unless the two are one name."""
        slug = make_slug(name)
        assert slug == name or make_slug(slug) != slug

    def test_of_the_unknown_branch(self) -> None:
        """The unknown branch has no slug."""
        assert Branch(None, "", why="Because.").slug == ""
        assert not Branch(None, "").is_known
