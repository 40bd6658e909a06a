import {
  AutomaticRequest,
  BackupNowRequest,
  type HomeAssistant,
  HomeAssistantAccess,
  HomeAssistant as HomeAssistantSchema,
  type Language,
  PATHS,
} from '../contract/index.ts';
import { jsonRoute, type Route } from '../kernel/http/route.ts';
import { chooseLanguage } from '../kernel/texts.ts';

interface HomeAssistantRoutesOptions {
  readonly document: (language: Language) => HomeAssistant;
  /** Somebody looks: what is shown should be fresh. */
  readonly look: () => void;
  readonly connect: (access: HomeAssistantAccess, signal: AbortSignal) => Promise<void>;
  readonly disconnect: () => Promise<void>;
  readonly backUp: (request: BackupNowRequest) => Promise<void>;
  readonly automatic: (request: AutomaticRequest) => Promise<void>;
}

/** The language that is asked for with a request. */
const languageOf = (header: (name: string) => string | undefined) =>
  chooseLanguage(header('accept-language'));

/** The HTTP side of the way back into Home Assistant. */
export function homeAssistantRoutes(options: HomeAssistantRoutesOptions): Route[] {
  const { document } = options;
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.home_assistant,
      summary: 'Read what is known of Home Assistant and of its backups',
      response: HomeAssistantSchema,
      handle: async ({ header }) => {
        options.look();
        return document(languageOf(header));
      },
    }),
    jsonRoute({
      method: 'PUT',
      path: PATHS.home_assistant,
      summary:
        'Connect to Home Assistant by its address and a long-lived access token, which are tried first',
      access: 'person',
      body: HomeAssistantAccess,
      response: HomeAssistantSchema,
      handle: async ({ body, header, signal }) => {
        await options.connect(body, signal);
        return document(languageOf(header));
      },
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.home_assistant,
      summary: 'Forget the address and the token of Home Assistant',
      access: 'person',
      response: HomeAssistantSchema,
      handle: async ({ header }) => {
        await options.disconnect();
        return document(languageOf(header));
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.home_assistant_backups,
      summary: 'Have Home Assistant make a backup; how it goes on stands in its document',
      body: BackupNowRequest,
      response: HomeAssistantSchema,
      status: 202,
      handle: async ({ body, header }) => {
        await options.backUp(body);
        return document(languageOf(header));
      },
    }),
    jsonRoute({
      method: 'PUT',
      path: PATHS.home_assistant_automatic,
      summary: "Choose whether Home Assistant's automatic backups go to a location",
      body: AutomaticRequest,
      response: HomeAssistantSchema,
      handle: async ({ body, header }) => {
        await options.automatic(body);
        return document(languageOf(header));
      },
    }),
  ];
}
