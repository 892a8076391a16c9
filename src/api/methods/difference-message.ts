import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  BundleChangeSchema,
  BundleDifferenceSchema,
  ComparedBundleSchema,
  CompareBundlesResponseSchema,
} from "../../../gen/signet/v1/bundle_pb.js";
import type { BundleChange } from "../../core/bundle.js";
import type { Difference } from "../../core/difference.js";
import type { ComparedBundles, ComparedSide } from "../../service/bundles/comparing.js";
import { withoutNulls } from "./message-fields.js";

/** A comparison as messages carry it. */
export function comparisonMessage({
  before,
  after,
  ...difference
}: ComparedBundles): MessageInitShape<typeof CompareBundlesResponseSchema> {
  return {
    ...(before === null ? {} : { before: sideMessage(before) }),
    after: sideMessage(after),
    difference: differenceMessage(difference),
  };
}

/** What differs between two documents, as messages carry it. */
export function differenceMessage({
  changes,
  total,
  isTruncated,
}: Difference): MessageInitShape<typeof BundleDifferenceSchema> {
  return {
    changes: changes.map(({ op, path, ...values }) => ({ op, path, ...withoutNulls(values) })),
    changesTotal: total,
    truncated: isTruncated,
  };
}

/** What a publication or promotion changed, or would change, as messages carry it. */
export function changeMessage({
  dryRun,
  isUnchanged,
  isSkipped,
  difference,
  quota,
}: BundleChange): MessageInitShape<typeof BundleChangeSchema> {
  return {
    ...{ dryRun, unchanged: isUnchanged, skipped: isSkipped },
    ...(difference === null ? {} : { difference: differenceMessage(difference) }),
    ...(quota === null ? {} : { quota: { kept: quota.kept, ...withoutNulls({ limit: quota.limit }) } }),
  };
}

function sideMessage({ environment, bundle, isActive }: ComparedSide): MessageInitShape<typeof ComparedBundleSchema> {
  const { id, version, policyHash, mediaType } = bundle;
  return { environment, bundleId: id, version, policyHash, isActive, mediaType };
}
