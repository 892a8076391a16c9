import type { Artifact, ArtifactStatus } from "../core/artifact.js";
import type { Listed, Page } from "./page.js";

/** Which artifacts are listed. */
export interface ArtifactFilter extends Page {
  readonly orgId: string;
  readonly projectId?: string;
  readonly status?: ArtifactStatus;
}

/** Reads of source artifacts. */
export interface ArtifactReader {
  /** Null when it is not there. */
  artifact(orgId: string, id: string): Promise<Artifact | null>;
  /** Newest first. */
  artifacts(filter: ArtifactFilter): Promise<Listed<Artifact>>;
  countDrafts(projectId: string): Promise<number>;
}

/** Writes of source artifacts. */
export interface ArtifactWriter extends ArtifactReader {
  insertArtifact(artifact: Artifact): Promise<void>;
  /** Its promotion alone: the rest of an artifact never changes. */
  updateArtifact(artifact: Artifact): Promise<void>;
  /** Content that no bundle and no other artifact has goes with it. */
  deleteArtifact(artifact: Artifact): Promise<void>;
}
