"""Makes experiments small in every process that finds this file: as soon as the runner is imported."""

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any


class Small(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "kdlib.experiments.runner":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec is not None and isinstance(spec.loader, importlib.abc.Loader)
        whole = spec.loader.exec_module

        def execute(module: ModuleType) -> None:
            whole(module)
            import small_sweep

            small_sweep.make_known(module)

        spec.loader.exec_module = execute  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Small())
