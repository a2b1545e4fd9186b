"""Where things stand in a document: element paths with positions, also of records that were taken out of it."""

from typing import Any

from gateway.catalog import Definition

Node = Any
"""An lxml element; lxml has no types."""


class Places:
    """The paths of one document."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._stems: dict[Node, str] = {}
        self._lines: dict[Node, int] = {}
        self.taken: dict[Node, int] = {}
        """How many records were taken out of a container, or came before those in a batch."""

    def take(self, container: Node, batch: Node) -> None:
        """Move all finished records, which are all but the last, from a container to a batch."""
        self._stems[batch] = self.path(container)
        self.taken[batch] = self.taken.get(container, 0)
        self.taken[container] = self.taken[batch] + len(container) - 1
        self._lines[batch] = container.sourceline or 0
        batch.extend(container[:-1])

    def forget(self, batch: Node, root: Node) -> None:
        """Let go of a batch and of everything in it."""
        del self._stems[batch], self._lines[batch]
        self.taken = {node: count for node, count in self.taken.items() if node.getroottree().getroot() is root}

    def name(self, node: Node) -> str:
        """An element's name if the schema knows it; what a sender made up is not repeated."""
        name = str(node.tag).rpartition("}")[2]
        return name if name in self._definition.names else "onbekend"

    def path(self, node: Node | None) -> str:
        """The way from the root, with positions from 1 in containers."""
        steps: list[str] = []
        while node is not None:
            parent = node.getparent()
            step = self._stems.get(node) or self.name(node)
            if parent is not None and parent.tag in self._definition.containers:
                step += f"[{parent.index(node) + 1 + self.taken.get(parent, 0)}]"
            steps.append(step)
            node = parent
        return "/".join(reversed(steps))

    def spot(self, node: Node, field: str) -> tuple[int, str]:
        """Line and path of a field below an element, or of what is there of it."""
        for name in field.split("/"):
            node = next((child for child in node if self.name(child) == name), node)
        return self.line(node), self.path(node)

    def line(self, node: Node) -> int:
        """The line on which an element stands, from 1."""
        return self._lines.get(node) or node.sourceline or 0
