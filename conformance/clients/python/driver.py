"""Uses the client that OpenAPI Generator's python generates: publishes, promotes, reads what came of it, and a refusal."""

import os

import signet_api
from signet_api.exceptions import NotFoundException

org, project, name = (os.environ[key] for key in ("ORG_ID", "PROJECT_ID", "CLIENT_NAME"))
configuration = signet_api.Configuration(host=os.environ["SIGNET_URL"], access_token=os.environ["SIGNET_TOKEN"])
with signet_api.ApiClient(configuration) as client:
    bundles = signet_api.BundleApi(client)
    policies = {"pii": {"enabled": True}, "threshold": 0.5, "limit": 4294967295}
    request = signet_api.PublishBundleRequest(policies=policies, title=name, labels={"client": name})
    published = bundles.publish_bundle(org, project, "dev", request)
    assert published.version == 1 and published.is_active, published

    promotion = signet_api.PromoteBundleRequest(promoted_by=name)
    promoted = bundles.promote_bundle(org, project, "dev", promote_bundle_request=promotion)
    assert promoted.origin == "promote" and promoted.published_by == name, promoted

    read = bundles.get_bundle(org, project, "staging", 1)
    assert read.policies_json == policies and read.policy_hash == published.policy_hash, read

    try:
        raise AssertionError(bundles.get_bundle(org, project, "staging", 4294967295))
    except NotFoundException as error:
        assert error.data.code == 404 and error.data.request_id and error.data.detail, error.body
