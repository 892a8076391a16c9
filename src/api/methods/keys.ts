import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { KeySchema } from "../../../gen/signet/v1/bundle_pb.js";
import type { KeyRotationSchema, KeyService } from "../../../gen/signet/v1/key_pb.js";
import type { ListedKey } from "../../service/keys/keys.js";
import type { KeyRotation, KeyRotationView } from "../../service/rotation/key-rotation.js";
import { callOf } from "../admission/call.js";
import { timestampOf, withoutNulls } from "./message-fields.js";

/** KeyService on the use cases. */
export function createKeyService({ rotation }: { readonly rotation: KeyRotation }): ServiceImpl<typeof KeyService> {
  return {
    async rotateKey({ reason }, context) {
      return rotationMessage(await rotation.announce(callOf(context).principal, reason ?? null));
    },

    async getKeyRotation(_request, context) {
      return rotationMessage(await rotation.view(callOf(context).principal));
    },

    async activateKey({ keyId, force, reason }, context) {
      const options = { force, reason: reason ?? null };
      return rotationMessage(await rotation.activate(callOf(context).principal, keyId, options));
    },

    async withdrawKey({ keyId, reason }, context) {
      return rotationMessage(await rotation.withdraw(callOf(context).principal, keyId, reason ?? null));
    },

    async retireKey({ keyId, reason }, context) {
      return rotationMessage(await rotation.retire(callOf(context).principal, keyId, reason ?? null));
    },
  };
}

/** A key as the API shows it. */
export function keyMessage({ key, state, environment }: ListedKey): MessageInitShape<typeof KeySchema> {
  const { keyId, publicKeyPem, purpose, orgId, environmentId } = key;
  return {
    ...{ keyId, algorithm: "Ed25519", publicKeyPem, createdAt: timestampOf(key.createdAt) },
    ...{ isCurrent: state === "current", purpose, state },
    ...withoutNulls({ orgId, environmentId, environment }),
  };
}

function rotationMessage(view: KeyRotationView): MessageInitShape<typeof KeyRotationSchema> {
  const { current, next, trust, otherOrganizations, untrusting } = view;
  return {
    current: keyMessage(current),
    trust,
    ...(next === null ? {} : { next: keyMessage(next) }),
    ...withoutNulls({ otherOrganizations }),
    instances: untrusting.map(({ instance, projectId, environment, keyId }) => ({
      ...{ projectId, environment, keyId },
      ...{ instanceId: instance.instanceId, keyPrefix: instance.keyPrefix, lastSeen: timestampOf(instance.lastSeen) },
      trustedKeyIds: [...(instance.keyIds ?? [])],
    })),
  };
}
