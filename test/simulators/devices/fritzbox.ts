import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { XMLParser } from 'fast-xml-parser';
import type { CertificateFiles } from '../../harness/certificate.ts';
import { exportOf, settingsOf } from './fritzbox-export.ts';
import { FritzBoxPages } from './fritzbox-pages.ts';
import { bodyOf, DeviceServer } from './server.ts';

/** What a box is and how it is set; tests change it. */
export interface FritzBoxState {
  /** That a person gave it. */
  name: string;
  model: string;
  firmware: string;
  serial: string;
  user: string;
  password: string;
  /** Of the user; without `BoxAdmin` the settings are not shown. */
  rights: string[];
  /** Whether apps may ask (TR-064). */
  tr064: boolean;
  /** A firmware that has no export by TR-064. */
  oldTr064: boolean;
  /** A firmware whose page of the export does not say whether it has to be confirmed. */
  oldPages: boolean;
  /** A firmware that knows only the challenge with MD5. */
  oldLogin: boolean;
  /** By what an export has to be confirmed. */
  secondFactor: 'off' | 'button' | 'app';
  totpSecret: string;
  /** Its clock (milliseconds since 1970). */
  now: () => number;
  /** The address of an export that was written, where it is not the right one. */
  exportUrl: string | undefined;
  /** With what exports were encrypted. */
  readonly exportPasswords: string[];
  /** The export that is given out. */
  exported: () => Buffer;
}

interface Action {
  readonly in: readonly string[];
  readonly out: readonly string[];
}

interface Service {
  readonly type: string;
  readonly id: string;
  readonly control: string;
  readonly scpd: string;
  readonly actions: Readonly<Record<string, Action>>;
}

/** The services that matter here, with the names and arguments of a FRITZ!Box 7590 (its own SCPD). */
const SERVICES: readonly Service[] = [
  {
    type: 'urn:dslforum-org:service:DeviceInfo:1',
    id: 'urn:DeviceInfo-com:serviceId:DeviceInfo1',
    control: '/upnp/control/deviceinfo',
    scpd: '/deviceinfoSCPD.xml',
    actions: {
      GetInfo: {
        in: [],
        out: [
          'ManufacturerName',
          'ManufacturerOUI',
          'ModelName',
          'Description',
          'ProductClass',
          'SerialNumber',
        ]
          .concat([
            'SoftwareVersion',
            'HardwareVersion',
            'SpecVersion',
            'ProvisioningCode',
            'UpTime',
            'DeviceLog',
          ])
          .map((name) => `New${name}`),
      },
      GetSecurityPort: { in: [], out: ['NewSecurityPort'] },
    },
  },
  {
    type: 'urn:dslforum-org:service:DeviceConfig:1',
    id: 'urn:DeviceConfig-com:serviceId:DeviceConfig1',
    control: '/upnp/control/deviceconfig',
    scpd: '/deviceconfigSCPD.xml',
    actions: {
      'X_AVM-DE_GetConfigFile': { in: ['NewX_AVM-DE_Password'], out: ['NewX_AVM-DE_ConfigFileUrl'] },
    },
  },
  {
    type: 'urn:dslforum-org:service:X_AVM-DE_Auth:1',
    id: 'urn:X_AVM-DE_Auth-com:serviceId:X_AVM-DE_Auth1',
    control: '/upnp/control/x_auth',
    scpd: '/x_authSCPD.xml',
    actions: { GetInfo: { in: [], out: ['NewEnabled'] } },
  },
];

const REALM = 'F!Box SOAP-Auth';

/** After so many wrong passwords there is 503 instead of 401. */
const MOST_FAILURES = 5;

const ERRORS: Readonly<Record<string, string>> = {
  '401': 'Invalid Action',
  '402': 'Invalid Args',
  '600': 'Argument Value Invalid',
  '606': 'Action Not Authorized',
  '866': 'second factor authentication required',
};

/**
 * A FRITZ!Box as far as a backup sees it: TR-064 with digest and SOAP, and its pages. It refuses what a box refuses: a
 * request without a header SOAPAction, an unknown action, too few arguments, a nonce of somebody else.
 */
export class FritzBox {
  readonly state: FritzBoxState = {
    name: 'FritzBox-Büro',
    model: 'FRITZ!Box 7590',
    firmware: '154.08.02',
    serial: '989BCB2B93B0',
    user: 'homestash',
    password: 'gurken<salat>&"\\ä',
    rights: ['Dial', 'App', 'HomeAuto', 'BoxAdmin', 'Phone', 'NAS'],
    tr064: true,
    oldTr064: false,
    oldPages: false,
    oldLogin: false,
    secondFactor: 'off',
    totpSecret: 'JBSWY3DPEHPK3PXP',
    now: Date.now,
    exportUrl: undefined,
    exportPasswords: [],
    exported: () => exportOf(settingsOf('Zuhause', new Date())),
  };
  /** Wrong passwords at TR-064. */
  failures = 0;
  readonly pages = new FritzBoxPages(this.state);
  readonly tr064: DeviceServer;
  readonly web: DeviceServer;
  readonly #secure: boolean;
  readonly #nonces = new Set<string>();
  readonly #written = new Set<string>();

  constructor(tls?: CertificateFiles) {
    this.#secure = tls !== undefined;
    this.tr064 = new DeviceServer((request, response) => void this.#tr064(request, response), tls);
    this.web = new DeviceServer((request, response) => void this.pages.answer(request, response), tls);
  }

  async start(): Promise<void> {
    await Promise.all([this.tr064.start(), this.web.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.tr064.stop(), this.web.stop()]);
  }

  async #tr064(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const path = request.url ?? '';
    const send = (status: number, type: string, content: string | Buffer, headers = {}) => {
      response.writeHead(status, { 'content-type': type, ...headers });
      response.end(content);
    };
    const xml = (content: string, status = 200) => send(status, 'text/xml; charset="utf-8"', content);
    const missing = () => send(404, 'text/html', '<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD></HTML>');
    if (!this.state.tr064) return missing();
    if (request.method === 'GET') {
      if (path === '/tr64desc.xml') return xml(this.#description());
      // a client may ask for the description of the internet gateway first; it is the same box
      if (path === '/igddesc.xml') return xml(this.#description());
      const described = SERVICES.find(({ scpd }) => scpd === path);
      if (described) return xml(scpdOf(described));
    }
    const service = SERVICES.find(({ control }) => control === path);
    if (!service && !this.#written.has(path)) return missing();
    if (this.failures >= MOST_FAILURES) return send(503, 'text/html', '<HTML>503 Service Unavailable</HTML>');
    if (!this.#signedIn(request)) {
      const nonce = randomBytes(8).toString('hex').toUpperCase();
      this.#nonces.add(nonce);
      const challenge = `Digest realm="${REALM}",nonce="${nonce}",algorithm=MD5,qop="auth"`;
      return send(401, 'text/html', '<HTML><HEAD><TITLE>401 Unauthorized</TITLE></HEAD></HTML>', {
        'www-authenticate': challenge,
      });
    }
    if (!service) {
      // the file is given once
      this.#written.delete(path);
      return send(200, 'application/octet-stream', this.state.exported());
    }
    if (request.method !== 'POST' || !/^text\/xml/.test(request.headers['content-type'] ?? '')) {
      return send(400, 'text/html', '<HTML>400 Bad Request</HTML>');
    }
    const [status, answer] = this.#action(service, request, body.toString('utf8'));
    return xml(answer, status);
  }

  #signedIn(request: IncomingMessage): boolean {
    const header = request.headers.authorization;
    if (header === undefined) return false;
    const said = new Map(
      [...header.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)].map((found) => [
        found[1] ?? '',
        (found[2] ?? found[3] ?? '').replace(/\\(.)/g, '$1'),
      ]),
    );
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const { user, password } = this.state;
    const secret = md5(`${user}:${REALM}:${password}`);
    const asked = md5(`${request.method}:${request.url}`);
    const rest = [said.get('nonce'), said.get('nc'), said.get('cnonce'), 'auth', asked].join(':');
    const right =
      header.startsWith('Digest ') &&
      said.get('username') === user &&
      said.get('realm') === REALM &&
      said.get('uri') === request.url &&
      said.get('qop') === 'auth' &&
      /^[0-9a-f]{8}$/.test(said.get('nc') ?? '') &&
      this.#nonces.has(said.get('nonce') ?? '') &&
      said.get('response') === md5(`${secret}:${rest}`);
    if (!right) this.failures += 1;
    return right;
  }

  #action({ type, actions }: Service, request: IncomingMessage, text: string): [number, string] {
    const named = (request.headers.soapaction as string | undefined)?.replace(/^"(.*)"$/, '$1');
    const parsed = new XMLParser({ ignoreAttributes: false, parseTagValue: false }).parse(text) as {
      's:Envelope'?: { 's:Body'?: Record<string, unknown> };
    };
    const [element = '', content] = Object.entries(parsed['s:Envelope']?.['s:Body'] ?? {})[0] ?? [];
    const name = element.replace(/^u:/, '');
    const { '@_xmlns:u': space, '#text': _, ...values } = (content ?? {}) as Record<string, string>;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    const old = this.state.oldTr064 && name.startsWith('X_');
    if (!action || old || space !== type || named !== `${type}#${name}`) return fault('401');
    if (Object.keys(values).join() !== action.in.join()) return fault('402');
    if (!this.state.rights.includes('BoxAdmin') && name !== 'GetSecurityPort') return fault('606');
    const answers = this.#answer(name, type, values);
    if (typeof answers === 'string') return fault(answers);
    const listed = Object.entries(answers).map(([out, value]) => `<${out}>${escaped(value)}</${out}>`);
    return [
      200,
      envelope(`<u:${name}Response xmlns:u="${type}">\n${listed.join('\n')}\n</u:${name}Response>`),
    ];
  }

  #answer(name: string, type: string, values: Record<string, string>): Record<string, string> | string {
    const { model, firmware, serial, secondFactor } = this.state;
    if (name === 'GetSecurityPort') return { NewSecurityPort: String(this.tr064.port) };
    if (name === 'X_AVM-DE_GetConfigFile') {
      const password = values['NewX_AVM-DE_Password'] ?? '';
      if (password === '') return '600';
      if (secondFactor !== 'off') return '866';
      this.state.exportPasswords.push(password);
      const path = `/${randomBytes(8).toString('hex')}/fritzbox.export`;
      this.#written.add(path);
      const origin = `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.tr064.port}`;
      return { 'NewX_AVM-DE_ConfigFileUrl': (this.state.exportUrl ?? origin) + path };
    }
    if (type.includes('Auth')) return { NewEnabled: secondFactor === 'off' ? '0' : '1' };
    return {
      NewManufacturerName: 'AVM',
      NewManufacturerOUI: '00040E',
      NewModelName: model,
      NewDescription: `${model} ${firmware}`,
      NewProductClass: 'AVMFB7590',
      NewSerialNumber: serial,
      NewSoftwareVersion: firmware,
      NewHardwareVersion: model,
      NewSpecVersion: '1.0',
      NewProvisioningCode: '',
      NewUpTime: '100',
      NewDeviceLog: 'Anmeldung eines Nutzers <homestash> & mehr',
    };
  }

  #description(): string {
    const { name, model, firmware, serial } = this.state;
    // 154.08.02 is written as 154, 8 and 2
    const [major, minor, patch] = firmware.split('.').map(Number);
    const services = SERVICES.map(
      ({ type, id, control, scpd }) =>
        `<service><serviceType>${type}</serviceType><serviceId>${id}</serviceId><controlURL>${control}</controlURL><eventSubURL>${control}</eventSubURL><SCPDURL>${scpd}</SCPDURL></service>`,
    );
    return `<?xml version="1.0"?>
<root xmlns="urn:dslforum-org:device-1-0">
<specVersion><major>1</major><minor>0</minor></specVersion>
<systemVersion><HW>226</HW><Major>${major}</Major><Minor>${minor}</Minor><Patch>${patch}</Patch><Buildnumber>67453</Buildnumber><Display>${firmware}</Display></systemVersion>
<device>
<deviceType>urn:dslforum-org:device:InternetGatewayDevice:1</deviceType>
<friendlyName>${name}</friendlyName><manufacturer>AVM</manufacturer><manufacturerURL>www.avm.de</manufacturerURL>
<modelDescription>${model}</modelDescription><modelName>${model}</modelName><modelNumber>avm</modelNumber><modelURL>www.avm.de</modelURL>
<UDN>uuid:739f2409-bccb-40e7-8e6c-${serial}</UDN>
<serviceList>${services.join('\n')}</serviceList>
</device>
</root>
`;
  }
}

const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const envelope = (body: string): string =>
  `<?xml version="1.0"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">\n<s:Body>\n${body}\n</s:Body>\n</s:Envelope>\n`;

const fault = (code: string): [number, string] => [
  500,
  envelope(
    `<s:Fault>\n<faultcode>s:Client</faultcode>\n<faultstring>UPnPError</faultstring>\n<detail>\n<UPnPError xmlns="urn:dslforum-org:control-1-0">\n<errorCode>${code}</errorCode>\n<errorDescription>${ERRORS[code]}</errorDescription>\n</UPnPError>\n</detail>\n</s:Fault>`,
  ),
];

function scpdOf({ actions }: Service): string {
  const direction = (names: readonly string[], way: string) =>
    names.map(
      (name) =>
        `<argument><name>${name}</name><direction>${way}</direction><relatedStateVariable>${name.slice(3)}</relatedStateVariable></argument>`,
    );
  const listed = Object.entries(actions).map(
    ([name, { in: given, out }]) =>
      `<action><name>${name}</name><argumentList>${[...direction(given, 'in'), ...direction(out, 'out')].join('')}</argumentList></action>`,
  );
  const variables = new Set(Object.values(actions).flatMap((action) => [...action.in, ...action.out]));
  const table = [...variables].map(
    (name) =>
      `<stateVariable sendEvents="no"><name>${name.slice(3)}</name><dataType>string</dataType></stateVariable>`,
  );
  return `<?xml version="1.0"?>\n<scpd xmlns="urn:dslforum-org:service-1-0"><specVersion><major>1</major><minor>0</minor></specVersion><actionList>${listed.join('')}</actionList><serviceStateTable>${table.join('')}</serviceStateTable></scpd>\n`;
}
