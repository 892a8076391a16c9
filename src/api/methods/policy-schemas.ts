import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { BundleService, PolicySchemaSchema } from "../../../gen/signet/v1/bundle_pb.js";
import type { PolicySchema } from "../../core/policy-schema.js";
import type { PolicySchemas } from "../../service/bundles/policy-schemas.js";
import { callOf } from "../admission/call.js";
import { timestampOf } from "./message-fields.js";

type Methods = "setPolicySchema" | "getPolicySchema" | "deletePolicySchema";

/** The methods of BundleService that are about the schemas of projects. */
export function policySchemaMethods(policySchemas: PolicySchemas): Pick<ServiceImpl<typeof BundleService>, Methods> {
  return {
    async setPolicySchema({ projectId, schema }, context) {
      const { principal } = callOf(context);
      return schemaMessage(await policySchemas.set(principal, projectId, schema, context.signal));
    },

    async getPolicySchema({ projectId }, context) {
      return schemaMessage(await policySchemas.get(callOf(context).principal, projectId));
    },

    async deletePolicySchema({ projectId }, context) {
      await policySchemas.delete(callOf(context).principal, projectId);
      return create(EmptySchema);
    },
  };
}

function schemaMessage({
  text,
  hash,
  updatedBy,
  updatedAt,
}: PolicySchema): MessageInitShape<typeof PolicySchemaSchema> {
  return { schema: text, schemaHash: hash, updatedBy, updatedAt: timestampOf(updatedAt) };
}
