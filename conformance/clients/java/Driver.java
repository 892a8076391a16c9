import java.util.Map;
import signet.api.ApiClient;
import signet.api.ApiException;
import signet.api.client.BundleApi;
import signet.api.model.Bundle;
import signet.api.model.BundleWithPolicies;
import signet.api.model.Error;
import signet.api.model.PromoteBundleRequest;
import signet.api.model.PublishBundleRequest;

/** Uses the client that OpenAPI Generator's java (native) generates: publishes, promotes, reads what came of it, and a refusal. */
public class Driver {
  public static void main(String[] args) throws Exception {
    String org = System.getenv("ORG_ID");
    String project = System.getenv("PROJECT_ID");
    String name = System.getenv("CLIENT_NAME");
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("SIGNET_URL"));
    client.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + System.getenv("SIGNET_TOKEN")));
    BundleApi bundles = new BundleApi(client);

    Map<String, Object> policies =
        Map.of("pii", Map.of("enabled", true), "threshold", 0.5, "limit", 4294967295L);
    PublishBundleRequest request =
        new PublishBundleRequest().policies(policies).title(name).labels(Map.of("client", name));
    Bundle published = bundles.publishBundle(org, project, "dev", request, null, null, null);
    check(published.getVersion() == 1 && published.getIsActive(), "publish", published);

    PromoteBundleRequest promotion = new PromoteBundleRequest().promotedBy(name);
    Bundle promoted = bundles.promoteBundle(org, project, "dev", null, null, null, promotion);
    check(
        promoted.getOrigin() == Bundle.OriginEnum.PROMOTE && name.equals(promoted.getPublishedBy()),
        "promote",
        promoted);

    BundleWithPolicies read = bundles.getBundle(org, project, "staging", 1L, null);
    check(
        policies.equals(read.getPoliciesJson())
            && read.getPolicyHash().equals(published.getPolicyHash()),
        "get",
        read);

    try {
      Object found = bundles.getBundle(org, project, "staging", 4294967295L, null);
      check(false, "get what is not there", found);
    } catch (ApiException refused) {
      String body = refused.getResponseBody();
      check(refused.getCode() == 404 && body != null, "get what is not there", refused);
      Error error = ApiClient.createDefaultObjectMapper().readValue(body, Error.class);
      check(error.getCode() == 404 && !error.getRequestId().isEmpty(), "the body of a 404", body);
    }
  }

  private static void check(boolean holds, String what, Object came) {
    if (!holds) throw new IllegalStateException(what + ": " + came);
  }
}
