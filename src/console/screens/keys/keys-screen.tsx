import type { Key } from "../../../../gen/signet/v1/bundle_pb.js";
import { client } from "../../data/client.js";
import { can, who } from "../../data/session.js";
import { useCall } from "../../data/use-call.js";
import { Loaded } from "../../elements/states.js";
import { Page } from "../../shell/page.js";
import { PURPOSES } from "./key-groups.js";
import { PurposeSection } from "./purpose-section.js";

/** All keys; that for OPA is listed only when it is asked for. */
async function listAll(signal: AbortSignal): Promise<readonly Key[]> {
  const answers = [{}, { purpose: "opa" }].map((asked) => client.bundles.listKeys(asked, { signal }));
  return (await Promise.all(answers)).flatMap(({ keys }) => keys);
}

/** The public keys of the server by their purpose, and the change of those that sign bundles and activations. */
export function KeysScreen() {
  const list = useCall(listAll, ["keys"], { refreshOn: ["audit"] });
  return (
    <Page
      title="Keys"
      lead="What this server signs with. Only public keys are shown; private ones never leave the server."
    >
      <Loaded call={list} lines={8}>
        {(keys) => (
          <div class="stack">
            {PURPOSES.map(([purpose]) => (
              <PurposeSection
                key={purpose}
                purpose={purpose}
                keys={keys}
                isAdmin={can("org:admin")}
                isOperator={who.value?.operator ?? false}
                onChanged={list.reload}
              />
            ))}
          </div>
        )}
      </Loaded>
    </Page>
  );
}
