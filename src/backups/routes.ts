import * as v from 'valibot';
import {
  AllBackups,
  Backup,
  BackupDescription,
  BackupId,
  BackupList,
  Id,
  PATHS,
  ProbeReport,
  ProviderList,
  Target,
  TargetInput,
  TargetList,
  TargetPatch,
  Upload,
  UploadRequest,
  UploadSum,
} from '../contract/index.ts';
import { timestamp } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { jsonRoute, type Route, streamRoute } from '../kernel/http/route.ts';
import type { Log } from '../kernel/log.ts';
import { chooseLanguage } from '../kernel/texts.ts';
import type { Catalogue } from './catalogue.ts';
import { checkRoute } from './check-route.ts';
import type { Deletions } from './deletions.ts';
import type { Downloads } from './downloads.ts';
import { mergedBackups } from './merged.ts';
import type { BackupStore, CatalogueEntry } from './store.ts';
import { providersIn } from './targets/s3/providers.ts';
import type { Targets } from './targets.ts';
import type { Uploads } from './uploads.ts';

interface BackupRoutesOptions {
  readonly store: BackupStore;
  readonly log: Log;
  readonly targets: Targets;
  readonly catalogue: Catalogue;
  readonly uploads: Uploads;
  readonly downloads: Downloads;
  readonly deletions: Deletions;
}

const TargetParams = v.object({ target_id: Id });
const BackupParams = v.object({ target_id: Id, backup_id: BackupId });
const UploadParams = v.object({ target_id: Id, upload_id: Id });

/** In seconds; a list that is older is not given. */
const MaxAge = v.object({
  max_age: v.optional(v.pipe(v.string(), v.regex(/^\d{1,9}$/, 'a number of seconds'), v.transform(Number))),
});

function present(entry: CatalogueEntry): v.InferOutput<typeof Backup> {
  const { backup, crc32, stored_at, suspect, storage_class, archived } = entry;
  return { backup, crc32, stored_at, suspect, storage_class, archived };
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

/** The language that is asked for with a request. */
const languageOf = (header: (name: string) => string | undefined) =>
  chooseLanguage(header('accept-language'));

function targetRoutes({ targets, catalogue, uploads, log }: BackupRoutesOptions): Route[] {
  const refreshBehind = (id: string) => catalogue.refresh(id).catch(() => undefined);
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.providers,
      summary: 'List the presets of S3 providers',
      response: ProviderList,
      handle: async ({ header }) => ({ providers: providersIn(languageOf(header)) }),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.targets,
      summary: 'List the targets',
      response: TargetList,
      handle: async ({ header }) => ({ targets: await targets.list(languageOf(header)) }),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.targets,
      summary: 'Add a target; it is tried with a round trip before it is saved',
      body: TargetInput,
      response: Target,
      status: 201,
      handle: async ({ body, header }) => {
        const target = await targets.create(body, languageOf(header));
        void refreshBehind(target.id);
        return target;
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.targets_probe,
      summary: 'Try settings without saving them, and look for backups that are already there',
      body: TargetInput,
      response: ProbeReport,
      handle: ({ body, header }) => targets.probe(body, languageOf(header)),
    }),
    checkRoute({ targets, log, onSaved: (id) => void refreshBehind(id) }),
    jsonRoute({
      method: 'GET',
      path: PATHS.target,
      summary: 'Read a target',
      params: TargetParams,
      response: Target,
      handle: ({ params, header }) => targets.get(params.target_id, languageOf(header)),
    }),
    jsonRoute({
      method: 'PATCH',
      path: PATHS.target,
      summary: 'Change a target; new settings are tried before they are saved',
      params: TargetParams,
      body: TargetPatch,
      response: Target,
      handle: async ({ params, body, header }) => {
        const target = await targets.update(params.target_id, body, languageOf(header));
        void refreshBehind(target.id);
        return target;
      },
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.target,
      summary: 'Forget a target; what is stored there stays',
      params: TargetParams,
      handle: async ({ params }) => {
        await uploads.cancelAll(params.target_id);
        await targets.remove(params.target_id);
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.target_probe,
      summary: 'Try a target, and look for backups that others put there',
      params: TargetParams,
      response: ProbeReport,
      handle: async ({ params, header }) => {
        const report = await targets.probeSaved(params.target_id, languageOf(header));
        void refreshBehind(params.target_id);
        return report;
      },
    }),
  ];
}

function storedRoutes({ store, catalogue, downloads, deletions }: BackupRoutesOptions): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.all_backups,
      summary: 'List the backups of all targets from the catalogue, each once with all its places',
      response: AllBackups,
      handle: () => mergedBackups(store),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.backups,
      summary: 'List the backups of a target from the catalogue',
      params: TargetParams,
      query: MaxAge,
      response: BackupList,
      handle: async ({ params, query }) => {
        const { entries, refreshedAt } = await catalogue.list(params.target_id, toMs(query.max_age));
        return {
          backups: entries.map(present),
          refreshed_at: refreshedAt === null ? null : timestamp(refreshedAt),
        };
      },
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.backup,
      summary: 'Read what is known of a backup',
      params: BackupParams,
      query: MaxAge,
      response: Backup,
      handle: async ({ params, query }) =>
        present(await catalogue.find(params.target_id, params.backup_id, toMs(query.max_age))),
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.backup,
      summary: 'Delete a backup: its description first, then its archive',
      params: BackupParams,
      handle: ({ params }) => deletions.delete(params.target_id, params.backup_id),
    }),
    streamRoute({
      method: 'GET',
      path: PATHS.archive,
      summary: 'Download a backup, or a range of it',
      params: BackupParams,
      streams: 'out',
      contentType: 'application/x-tar',
      ranged: true,
      handle: ({ params, header, signal }, request, response) =>
        downloads.send(
          params.target_id,
          params.backup_id,
          { range: header('range'), ifRange: header('if-range'), headOnly: request.method === 'HEAD' },
          response,
          signal,
        ),
    }),
  ];
}

function uploadRoutes({ uploads, catalogue }: BackupRoutesOptions): Route[] {
  return [
    jsonRoute({
      method: 'POST',
      path: PATHS.uploads,
      summary: 'Announce an upload; what cannot fit is refused here',
      params: TargetParams,
      body: UploadRequest,
      response: Upload,
      status: 201,
      handle: async ({ params, body, signal }) => {
        try {
          return await uploads.announce(params.target_id, body.backup, signal);
        } catch (error) {
          // whether the target is well is seen at once, and not with the next look
          catalogue.refresh(params.target_id).catch(() => undefined);
          throw error;
        }
      },
    }),
    streamRoute({
      method: 'PUT',
      path: PATHS.upload_archive,
      summary: 'Send the archive; the answer is the sum of what arrived',
      params: UploadParams,
      streams: 'in',
      contentType: 'application/x-tar',
      response: UploadSum,
      handle: async ({ params, signal }, request, response) => {
        if (request.headers['content-encoding'] !== undefined) {
          throw new Problem('invalid_request', { params: { detail: 'no content encoding is understood' } });
        }
        const sum = await uploads.receive(params.target_id, params.upload_id, request, signal);
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(JSON.stringify(sum));
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.upload_commit,
      summary: 'Make an upload visible when the sums of both sides agree',
      params: UploadParams,
      body: UploadSum,
      response: BackupDescription,
      handle: ({ params, body }) => uploads.commit(params.target_id, params.upload_id, body),
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.upload,
      summary: 'Give an upload up; nothing of it stays',
      params: UploadParams,
      handle: ({ params }) => uploads.cancel(params.target_id, params.upload_id),
    }),
  ];
}

/** All routes of targets and backups. */
export function backupRoutes(options: BackupRoutesOptions): Route[] {
  return [...targetRoutes(options), ...storedRoutes(options), ...uploadRoutes(options)];
}
