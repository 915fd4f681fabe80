"""Names the ways in which the columns of a window can differ from those of the reference."""

from enum import StrEnum


class SchemaChange(StrEnum):
    """A difference of a column, whatever its values are."""

    LOST = "lost"
    """The reference has the column, and the window does not."""
    RETYPED = "retyped"
    """The window holds values of another type, such as text in place of numbers."""
    NEW = "new"
    """The window has the column, and the reference does not."""
