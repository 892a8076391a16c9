"""Evaluates a flag with flagd's provider for Python, which syncs with the server by itself: provider.py PORT FLAG, the token on stdin.

Prints one line whenever the value changes: true, false, or null while the flag is not known.
"""

import logging
import sys
import time

import grpc
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.exception import ErrorCode

port, flag = int(sys.argv[1]), sys.argv[2]
token = sys.stdin.readline().strip()
logging.disable(logging.CRITICAL)
# Metadata over a connection without TLS goes to this machine alone.
credentials = grpc.composite_channel_credentials(
    grpc.local_channel_credentials(), grpc.access_token_call_credentials(token)
)
provider = FlagdProvider(
    host="127.0.0.1",
    port=port,
    resolver_type=ResolverType.IN_PROCESS,
    provider_id="flagd-python",
    channel_credentials=credentials,
    retry_backoff_max_ms=1000,
)
api.set_provider(provider)
client = api.get_client()
shown = ""
while True:
    details = client.get_boolean_details(flag, False)
    known = details.error_code is None
    value = "null" if not known else str(details.value).lower()
    if value != shown:
        shown = value
        print(value, flush=True)
    time.sleep(0.005)
