"""Reads {"region", "template"} from standard input, and prints what cfn-lint finds in it, a line each."""

import json
import sys

from cfnlint.config import ManualArgs
from cfnlint.api import lint

given = json.load(sys.stdin)
config = ManualArgs(regions=[given["region"]], ignore_checks=given["ignored"])
for match in lint(json.dumps(given["template"], indent=1), config=config):
    where = "/".join(str(part) for part in (match.path or [])[1:])
    print(f"{match.rule.id} {where}: {match.message}")
