import type { WebhookKind } from '../../../contract/index.ts';
import type { Template } from '../message.ts';
import { discord } from './discord.ts';
import { generic } from './generic.ts';
import { gotify } from './gotify.ts';
import { ntfy } from './ntfy.ts';
import { slack } from './slack.ts';

/** How each kind of receiver is told; a new one is a file beside these and a line here. */
export const TEMPLATES: Readonly<Record<WebhookKind, Template>> = {
  generic,
  home_assistant: generic,
  discord,
  slack,
  ntfy,
  gotify,
};
