"""What a reading saw: heat maps, trajectories, reports. `foveal.explain(source)` explains one page."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foveal.explain.explanation import Explanation


class _Callable(ModuleType):
    """This package: as the verb is the package's name, `foveal.explain(...)` calls the package itself."""

    def __call__(self, source: Any, **options: Any) -> Explanation:
        """See `foveal.explain.explanation.explain`."""
        from foveal.explain.explanation import explain

        return explain(source, **options)


sys.modules[__name__].__class__ = _Callable
