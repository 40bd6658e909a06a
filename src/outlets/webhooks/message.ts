import type { Happening } from '../../contract/index.ts';

/** What is told, in the language of the home. */
export interface Told {
  /** The same with each attempt. */
  readonly id: string;
  readonly happening: Happening;
  /** How often it happened: a problem that comes again and again is one message. */
  readonly count: number;
  /** What the box is called. */
  readonly home: string;
}

/** How something is sent. */
export interface Outgoing {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: unknown;
}

/** Where it goes. */
export interface Place {
  readonly url: string;
  readonly token: string;
}

/** How a kind of receiver wants to be told. */
export type Template = (told: Told, place: Place) => Outgoing;

/** Whether it is good news: something is over, or has arrived. */
export const isGood = ({ code }: Happening): boolean => code === 'problem_over' || code === 'backup_stored';

/** The title, with how often it happened where that is more than once. */
export function titleOf({ happening, count }: Told): string {
  return count > 1 ? `${happening.title} (${count} ×)` : happening.title;
}
