"""The floor of `validate`: reads and checks the campaign files of a folder in C and Rust, and no more."""

import json
import sys
from pathlib import Path

import yaml
from jsonschema_rs import Draft7Validator

SCHEMA = Path(__file__).parents[2] / "schema/campaign.schema.json"


def main(root: Path) -> None:
    """Read, load and check each file in one process."""
    schema = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for file in root.glob("0*/*.yaml"):
        assert schema.is_valid(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)), file


if __name__ == "__main__":
    main(Path(sys.argv[1]))
