"""What another package is mending: a case by its test id, and the package. A case that holds fails until it is removed."""

from typing import Final

PENDING: Final[dict[str, str]] = {
    "campaigns-data/for-each-many": "templates",
    "templates-escapes-2/filter-by-charge": "templates",
    "templates-escapes-2/filter-by-raw": "templates",
}
