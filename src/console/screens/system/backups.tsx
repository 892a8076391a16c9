import { useEffect, useState } from "preact/hooks";
import type { Backup } from "../../../../gen/signet/v1/backup_pb.js";
import { announce } from "../../data/announce.js";
import { fullClient } from "../../data/full-client.js";
import { API_URL } from "../../data/links.js";
import { useAction } from "../../data/use-action.js";
import { usePages } from "../../data/use-pages.js";
import { Button, LinkButton } from "../../elements/button.js";
import { ConfirmDialog } from "../../elements/confirm-dialog.js";
import { DataTable, type Column } from "../../elements/data-table.js";
import { ErrorNote } from "../../elements/error-note.js";
import { Empty, Skeleton } from "../../elements/states.js";
import { Hash, Status } from "../../elements/text.js";
import { Time } from "../../elements/time.js";
import { bytesInWords } from "../../elements/bytes-in-words.js";

const PAGE = 100;

/** While a backup is being made, its progress is read again after so long, in milliseconds. */
const PROGRESS_MS = 1_000;

const KINDS: Readonly<Record<string, string>> = {
  once: "downloaded once, then deleted",
  kept: "kept",
  scheduled: "scheduled",
};

/** Backups of the whole server: made, downloaded, deleted. */
export function Backups() {
  const [deleted, setDeleted] = useState<Backup | undefined>();
  const list = usePages(
    async ({ offset, limit, signal }) => {
      const { data, total } = await fullClient.backups.listBackups({ offset, limit }, { signal });
      return { items: data, total };
    },
    ["backups"],
    { limit: PAGE },
  );
  const isRunning = list.items.some(({ state }) => state === "running");
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(list.reload, PROGRESS_MS);
    return () => {
      clearInterval(timer);
      announce("The backup is done");
    };
  }, [isRunning, list.reload]);
  const create = useAction(async () => {
    await fullClient.backups.createBackup({ keep: true });
    list.reload();
  });
  return (
    <section class="stack" aria-labelledby="system-backups">
      <div class="row system-head">
        <h2 id="system-backups">Backups</h2>
        <Button size="small" icon="plus" busy={create.isRunning || isRunning} onClick={() => void create.run()}>
          Make a backup
        </Button>
      </div>
      {create.error !== undefined && <ErrorNote error={create.error} />}
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {list.total === undefined && list.error === undefined && <Skeleton lines={2} />}
      {list.total === 0 && (
        <Empty
          title="No backups are kept here"
          text="Signing keys are not in them: the command line adds them, encrypted."
          command="signet backup create --with-keys"
        />
      )}
      {list.items.length > 0 && (
        <DataTable
          caption="Backups, newest first"
          columns={columns(setDeleted)}
          rows={list.items}
          keyOf={({ id }) => id}
          onMore={list.hasMore ? list.more : undefined}
          isLoadingMore={list.isLoading}
          total={list.total}
        />
      )}
      {deleted !== undefined && (
        <ConfirmDialog
          title="Delete this backup?"
          action="Delete backup"
          isDanger
          run={() => fullClient.backups.deleteBackup({ backupId: deleted.id })}
          onDone={() => {
            setDeleted(undefined);
            list.reload();
          }}
          onClose={() => setDeleted(undefined)}
        >
          <p>
            It was made <Time at={deleted.createdAt} /> and has {bytesInWords(deleted.bytes ?? 0)}. There is no way
            back.
          </p>
        </ConfirmDialog>
      )}
    </section>
  );
}

function columns(onDelete: (backup: Backup) => void): readonly Column<Backup>[] {
  return [
    { header: "Made", isRowHeader: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { header: "State", cell: state },
    {
      header: "Size",
      isNumber: true,
      cell: ({ bytes }) => (bytes === undefined ? <span class="muted">–</span> : bytesInWords(bytes)),
    },
    { header: "Kind", isMinor: true, cell: ({ kind }) => KINDS[kind] ?? kind },
    {
      header: "SHA-256",
      isMinor: true,
      cell: ({ sha256 }) => (sha256 === undefined ? <span class="muted">–</span> : <Hash value={sha256} />),
    },
    {
      header: "Actions",
      cell: (backup) =>
        backup.state !== "ready" ? null : (
          <div class="row">
            <LinkButton
              size="small"
              icon="download"
              href={`${API_URL}/v1/backups/${encodeURIComponent(backup.id)}/archive`}
              download={`signet-backup-${backup.id}.tar`}
            >
              Download
            </LinkButton>
            <Button
              size="small"
              kind="quiet"
              icon="trash"
              aria-label={`Delete backup ${backup.id}`}
              onClick={() => onDelete(backup)}
            />
          </div>
        ),
    },
  ];
}

function state({ state: name, phase, percent, error }: Backup) {
  if (name === "ready") return <Status tone="good" text="ready" />;
  if (name === "failed") {
    return (
      <>
        <Status tone="bad" text="failed" />
        <p class="muted">
          <bdi>{error ?? ""}</bdi>
        </p>
      </>
    );
  }
  return (
    <label>
      {phase ?? "starting"}, {percent} % <progress max={100} value={percent} />
    </label>
  );
}
