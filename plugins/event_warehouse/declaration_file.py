"""Reads the YAML files in which people declare what the warehouse works with."""

from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"{key!r} stands twice",
                    node.value[number][0].start_mark,
                )
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """What the file says.

    Raises OSError, UnicodeDecodeError or yaml.YAMLError if it can't be read.
    """
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)
