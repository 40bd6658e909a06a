import { createHash, randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { waitFor } from '../wait-for.ts';
import type { Answer, HomeAssistantSocket } from './socket.ts';

// 2 GiB through a slow agent on a slow disk.
const OPERATION_TIMEOUT_MS = 600_000;

/** A backup as `backup/info` lists it. */
export interface Backup {
  backup_id: string;
  name: string;
  date: string;
  agents: Record<string, { protected: boolean; size: number }>;
  failed_agent_ids: string[];
  homeassistant_version: string | null;
  [more: string]: Answer;
}

export interface BackupInfo {
  backups: Backup[];
  agent_errors: Record<string, string>;
  agent_error_translations: Record<string, { translation_key: string; translation_domain: string }>;
  state: string;
  last_action_event: Answer;
  [more: string]: Answer;
}

interface CreateOptions {
  agentIds: string[];
  password?: string;
  name?: string;
  /** Gets every event of the backup manager: stages, bytes uploaded. */
  onEvent?: (event: Answer) => void;
}

export interface Created {
  /** Absent if no agent has stored it. */
  backup: Backup | undefined;
  /** The last event of the creation: `state` is completed or failed, `reason` a code. */
  outcome: Answer;
  events: Answer[];
}

export interface Download {
  status: number;
  size: number;
  sha256: string;
  seconds: number;
}

/** What the backup helpers need of the running Home Assistant. */
interface BackupHost {
  readonly url: string;
  readonly token: string;
  readonly socket: HomeAssistantSocket;
  restarted(what: () => Promise<void>): Promise<void>;
}

/** Backups as the Backups page handles them: the same websocket commands and HTTP requests. */
export class Backups {
  readonly #host: BackupHost;

  constructor(host: BackupHost) {
    this.#host = host;
  }

  info(): Promise<BackupInfo> {
    return this.#host.socket.call('backup/info');
  }

  async list(): Promise<Backup[]> {
    return (await this.info()).backups;
  }

  async agents(): Promise<{ agent_id: string; name: string }[]> {
    return (await this.#host.socket.call('backup/agents/info')).agents;
  }

  details(backupId: string): Promise<{ backup: Backup | null; agent_errors: Record<string, string> }> {
    return this.#host.socket.call('backup/details', { backup_id: backupId });
  }

  /** Waits until the backup manager has nothing to do. */
  async waitIdle(timeoutMs = OPERATION_TIMEOUT_MS): Promise<void> {
    await waitFor('the backup manager to be idle', async () => (await this.info()).state === 'idle', {
      timeoutMs,
    });
  }

  /** Creates a backup and waits for its end; that it fails at some or all agents is an outcome, not an exception. */
  async create({
    agentIds,
    password,
    name = `Test ${randomUUID()}`,
    onEvent,
  }: CreateOptions): Promise<Created> {
    const { socket } = this.#host;
    const events: Answer[] = [];
    let outcome: Answer;
    const unsubscribe = await socket.subscribe('backup/subscribe_events', {}, (event) => {
      events.push(event);
      if (event.manager_state === 'create_backup' && ['completed', 'failed'].includes(event.state))
        outcome = event;
      onEvent?.(event);
    });
    try {
      await socket.call('backup/generate', { agent_ids: agentIds, name, ...(password ? { password } : {}) });
      await waitFor(
        `the end of the backup ${name}`,
        () => {
          if (!socket.open) throw new Error('the connection is gone');
          return outcome;
        },
        { timeoutMs: OPERATION_TIMEOUT_MS },
      );
    } finally {
      await unsubscribe();
    }
    await this.waitIdle();
    return { backup: (await this.list()).find((backup) => backup.name === name), outcome, events };
  }

  /** The response as it comes; the caller reads or cancels its body. */
  openDownload(
    backupId: string,
    agentId: string,
    password?: string,
    signal?: AbortSignal,
  ): Promise<Response> {
    const query = new URLSearchParams({ agent_id: agentId, ...(password ? { password } : {}) });
    return fetch(`${this.#host.url}/api/backup/download/${encodeURIComponent(backupId)}?${query}`, {
      headers: { authorization: `Bearer ${this.#host.token}` },
      ...(signal ? { signal } : {}),
    });
  }

  /** Downloads through Home Assistant; with a password it decrypts on the way. A body that breaks off throws. */
  async download(backupId: string, agentId: string, password?: string): Promise<Download> {
    const start = performance.now();
    const response = await this.openDownload(backupId, agentId, password);
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of response.body ?? []) {
      hash.update(chunk);
      size += chunk.length;
    }
    return { status: response.status, size, sha256: hash.digest('hex'), seconds: secondsSince(start) };
  }

  /** Uploads a file as the Backups page does; returns the id of the backup. */
  async upload(file: string, agentIds: string[]): Promise<string> {
    const form = new FormData();
    // From disk while it is sent: a backup of gigabytes must not stand in the memory of the tests.
    form.append('file', await openAsBlob(file, { type: 'application/x-tar' }), basename(file));
    const query = new URLSearchParams(agentIds.map((id): [string, string] => ['agent_id', id]));
    const response = await fetch(`${this.#host.url}/api/backup/upload?${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#host.token}` },
      body: form,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`upload: ${response.status} ${text}`);
    await this.waitIdle();
    return JSON.parse(text).backup_id;
  }

  /** Deletes a backup from all its agents; returns the error of each agent that had one. */
  async delete(backupId: string): Promise<Record<string, string>> {
    return (await this.#host.socket.call('backup/delete', { backup_id: backupId })).agent_errors;
  }

  /** Restores, waits for the restart, and returns Home Assistant's own word on how it went. */
  async restore(backupId: string, agentId: string, password?: string): Promise<Answer> {
    await this.#host.restarted(async () => {
      // On success the connection ends without an answer; a refusal throws here.
      await this.#host.socket.call('backup/restore', {
        backup_id: backupId,
        agent_id: agentId,
        ...(password ? { password } : {}),
      });
    });
    return (await this.info()).last_action_event;
  }
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
