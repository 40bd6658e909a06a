import type { Answer, HomeAssistantSocket } from './socket.ts';

export interface ConfigEntry {
  entry_id: string;
  domain: string;
  title: string;
  state: string;
  source: string;
  reason: string | null;
  [more: string]: Answer;
}

/** A step of a config flow: `form`, `create_entry`, `abort`, … */
export interface FlowStep {
  flow_id: string;
  type: string;
  step_id?: string;
  reason?: string;
  errors?: Record<string, string> | null;
  [more: string]: Answer;
}

export interface Issue {
  domain: string;
  issue_id: string;
  translation_key: string;
  severity: string;
  [more: string]: Answer;
}

export interface Subentry {
  subentry_id: string;
  subentry_type: string;
  title: string;
  unique_id: string | null;
}

/** What the config flow helpers need of the running Home Assistant. */
interface EntriesHost {
  readonly socket: HomeAssistantSocket;
  rest(method: string, path: string, body?: unknown): Promise<Answer>;
}

const FLOWS = '/api/config/config_entries/flow';
const FIXES = '/api/repairs/issues/fix';
const SUBENTRY_FLOWS = '/api/config/config_entries/subentries/flow';
const ENTRIES = '/api/config/config_entries/entry';

/** Integrations as the settings page handles them. */
export class ConfigEntries {
  readonly #host: EntriesHost;

  constructor(host: EntriesHost) {
    this.#host = host;
  }

  /** Starts the flow that a person starts: a new entry, or with `reconfigure` a new setup of one that is there. */
  startFlow(domain: string, { reconfigure }: { reconfigure?: string } = {}): Promise<FlowStep> {
    return this.#host.rest('POST', FLOWS, {
      handler: domain,
      ...(reconfigure === undefined ? {} : { entry_id: reconfigure }),
    });
  }

  submitFlow(flowId: string, data: Record<string, unknown> = {}): Promise<FlowStep> {
    return this.#host.rest('POST', `${FLOWS}/${flowId}`, data);
  }

  /** The step that a flow stands at: a reauthentication is started by Home Assistant and only continued here. */
  getFlow(flowId: string): Promise<FlowStep> {
    return this.#host.rest('GET', `${FLOWS}/${flowId}`);
  }

  abortFlow(flowId: string): Promise<Answer> {
    return this.#host.rest('DELETE', `${FLOWS}/${flowId}`);
  }

  /** Flows that were not started by a person: discoveries and reauthentications. */
  flowsInProgress(): Promise<{ flow_id: string; handler: string; context: Answer; step_id: string }[]> {
    return this.#host.socket.call('config_entries/flow/progress');
  }

  /** Hears of flows that appear and vanish; returns what ends the subscription. */
  subscribeFlows(listener: (changes: Answer) => void): Promise<() => Promise<void>> {
    return this.#host.socket.subscribe('config_entries/flow/subscribe', {}, listener);
  }

  list(domain?: string): Promise<ConfigEntry[]> {
    return this.#host.socket.call('config_entries/get', domain === undefined ? {} : { domain });
  }

  reload(entryId: string): Promise<Answer> {
    return this.#host.rest('POST', `${ENTRIES}/${entryId}/reload`);
  }

  remove(entryId: string): Promise<Answer> {
    return this.#host.rest('DELETE', `${ENTRIES}/${entryId}`);
  }

  setDisabled(entryId: string, disabled: boolean): Promise<Answer> {
    return this.#host.socket.call('config_entries/disable', {
      entry_id: entryId,
      disabled_by: disabled ? 'user' : null,
    });
  }

  diagnostics(entryId: string): Promise<Answer> {
    return this.#host.rest('GET', `/api/diagnostics/config_entry/${entryId}`);
  }

  subentries(entryId: string): Promise<Subentry[]> {
    return this.#host.socket.call('config_entries/subentries/list', { entry_id: entryId });
  }

  /** Starts the flow of a button beside an entry: a new subentry, or with `reconfigure` a new setup of one that is there. */
  startSubentryFlow(
    entryId: string,
    type: string,
    { reconfigure }: { reconfigure?: string } = {},
  ): Promise<FlowStep> {
    return this.#host.rest('POST', SUBENTRY_FLOWS, {
      handler: [entryId, type],
      ...(reconfigure === undefined ? {} : { subentry_id: reconfigure }),
    });
  }

  submitSubentryFlow(flowId: string, data: Record<string, unknown> = {}): Promise<FlowStep> {
    return this.#host.rest('POST', `${SUBENTRY_FLOWS}/${flowId}`, data);
  }

  renameSubentry(entryId: string, subentryId: string, title: string): Promise<Answer> {
    return this.#host.socket.call('config_entries/subentries/update', {
      ...{ entry_id: entryId, subentry_id: subentryId, title },
    });
  }

  removeSubentry(entryId: string, subentryId: string): Promise<Answer> {
    return this.#host.socket.call('config_entries/subentries/delete', {
      ...{ entry_id: entryId, subentry_id: subentryId },
    });
  }

  /** Starts what the button of a repair issue starts. */
  startFix({ domain, issue_id }: Issue): Promise<FlowStep> {
    return this.#host.rest('POST', FIXES, { handler: domain, issue_id });
  }

  submitFix(flowId: string, data: Record<string, unknown>): Promise<FlowStep> {
    return this.#host.rest('POST', `${FIXES}/${flowId}`, data);
  }

  async issues(domain?: string): Promise<Issue[]> {
    const { issues } = await this.#host.socket.call('repairs/list_issues');
    return domain === undefined ? issues : issues.filter((issue: Issue) => issue.domain === domain);
  }
}
