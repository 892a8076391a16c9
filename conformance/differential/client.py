"""The Python SDK as a conformance client that goes on: a JSON line ``{"args": [...], "now": "..."}`` in, its end as a JSON line out."""

import json
import sys

from signet.conformance import run

for line in sys.stdin:
    asked = json.loads(line)
    try:
        end = run(asked["args"], {"SIGNET_NOW": asked["now"]})
    except Exception as thrown:
        end = {"crashed": repr(thrown)}
    print(json.dumps(end), flush=True)
