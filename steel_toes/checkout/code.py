"""The code and the branch belong together: a process that outlives its checkout must not write as another branch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from steel_toes import errors, sentences

if TYPE_CHECKING:
    from pathlib import Path

    from steel_toes.checkout.git import HeadAnswer


class LoadedCode:
    """The branches whose code a process has loaded, by project.

    It lives as long as the loaded code: on the `SteelToes` object, which is made anew when settings.py is. A copy, also
    by pickling, remembers the same.
    """

    def __init__(self) -> None:
        self._branch_names: dict[str, str | None] = {}
        # What changes from now on is not what this process runs.
        self.loaded_at = time.time()

    def first_name(self, head: HeadAnswer, project: Path) -> str | None:
        """The branch that Git told first for a project, which is this answer's if there was none before."""
        # One step, since the sessions of a service ask from several threads.
        return self._branch_names.setdefault(str(project.resolve()), head.name)

    def must_be_of(self, head: HeadAnswer, project: Path) -> None:
        """Remember Git's first answer about a project, and compare each later one with it.

        No branch is an answer too: code that was loaded from a detached HEAD is not main's after `git switch main`.

        Raises:
            SwitchedCheckoutError: the answer is another than the first.
        """
        first_name = self.first_name(head, project)
        if head.name == first_name:
            return
        raise errors.SwitchedCheckoutError(
            project=str(project),
            loaded=f"branch {first_name}" if first_name else sentences.NO_BRANCH,
            current=head.name or sentences.NO_BRANCH_SINCE.format(why=head.why),
        )
