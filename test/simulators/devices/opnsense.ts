import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CertificateFiles } from '../../harness/certificate.ts';
import { DeviceServer } from './server.ts';

/** What a firewall is; tests change it. */
export interface OpnsenseState {
  key: string;
  secret: string;
  /** Patterns of paths that the user may use (Core/ACL/ACL.xml). */
  rights: string[];
  /** `/conf/backup`, by moment. */
  backups: Map<string, string>;
  /** Before 24.1 there is no such call. */
  old: boolean;
}

/** "Diagnostics: Configuration History", and "Lobby: Dashboard". */
export const HISTORY = ['api/core/backup/*'];
export const DASHBOARD = ['api/diagnostics/system/system_information'];

const PRIVATE_KEY = Buffer.from(
  '-----BEGIN PRIVATE KEY-----\nsecret-of-trust\n-----END PRIVATE KEY-----\n',
).toString('base64');
const CERTIFICATE = Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n').toString(
  'base64',
);
const STATIC_KEY = Buffer.from('#\n# 2048 bit OpenVPN static key\n#\nsecret-of-openvpn').toString('base64');

/** A configuration as Config.php writes it, shortened; with a secret of every kind. */
export const configOf = (hostname: string, moment = 1_780_000_000.12): string => `<?xml version="1.0"?>
<opnsense>
  <theme>opnsense</theme>
  <system>
    <optimization>normal</optimization>
    <hostname>${hostname}</hostname>
    <domain>home.arpa</domain>
    <dnsallowoverride>1</dnsallowoverride>
    <disableconsolemenu/>
    <user uuid="6d2e7b4e-6f59-4a4e-9d4b-1f1f1f1f1f1f">
      <name>root</name>
      <descr>System &amp; Administrator</descr>
      <password>$2y$11$secret-of-root</password>
      <otp_seed>secret-of-codes</otp_seed>
      <authorizedkeys>c3NoLWVkMjU1MTkgQUFBQQ==</authorizedkeys>
      <apikeys>a-key|$6$$secret-of-api</apikeys>
      <pwd_changed_at>${moment}</pwd_changed_at>
    </user>
    <webgui>
      <protocol>https</protocol>
    </webgui>
  </system>
  <interfaces>
    <wan>
      <if>igc0</if>
      <descr>WAN</descr>
      <ipaddr>pppoe</ipaddr>
    </wan>
  </interfaces>
  <ppps>
    <ppp>
      <username>me</username>
      <password>secret-of-provider</password>
    </ppp>
  </ppps>
  <snmpd>
    <rocommunity>secret-of-snmp</rocommunity>
  </snmpd>
  <cert uuid="a">
    <descr>Web GUI</descr>
    <crt>${CERTIFICATE}</crt>
    <prv>${PRIVATE_KEY}</prv>
  </cert>
  <openvpn>
    <openvpn-server>
      <tls>${STATIC_KEY}</tls>
    </openvpn-server>
  </openvpn>
  <OPNsense>
    <wireguard>
      <server version="1.0.0" persisted_at="${moment}">
        <servers>
          <server uuid="b">
            <pubkey>public-of-wireguard</pubkey>
            <privkey>secret-of-wireguard</privkey>
          </server>
        </servers>
      </server>
      <client>
        <psk>secret-of-peer</psk>
      </client>
    </wireguard>
    <IPsec>
      <preSharedKeys>
        <preSharedKey uuid="c">
          <ident>me</ident>
          <keyType>PSK</keyType>
          <Key>secret-of-ipsec</Key>
        </preSharedKey>
      </preSharedKeys>
    </IPsec>
    <Firewall>
      <Filter version="1.0.4">
        <rules>
          <rule uuid="d">
            <action>pass</action>
            <interface>lan</interface>
          </rule>
        </rules>
      </Filter>
    </Firewall>
    <unboundplus>
      <prefetchkey>1</prefetchkey>
    </unboundplus>
  </OPNsense>
  <revision>
    <username>root@192.168.1.2</username>
    <description>/api/firewall/filter/apply made changes</description>
    <time>${moment}</time>
  </revision>
</opnsense>
`;

/**
 * The web server of a firewall with OPNsense 26.1, as ApiControllerBase.php, Core/Api/BackupController.php,
 * Diagnostics/Api/SystemController.php and the template of lighttpd answer.
 */
export class OpnsenseFirewall {
  readonly state: OpnsenseState;
  readonly server: DeviceServer;
  /** Requests with a wrong key or secret. */
  failures = 0;

  constructor(tls?: CertificateFiles) {
    this.state = {
      key: 'a+key/of==',
      secret: 'secret-of-firewall',
      rights: [...HISTORY],
      backups: new Map([
        ['1779999999.5', configOf('older')],
        ['1780000000.12', configOf('fw')],
      ]),
      old: false,
    };
    this.server = new DeviceServer((request, response) => {
      this.#answer(request, response);
    }, tls);
  }

  get address(): string {
    return this.server.address;
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): unknown {
    response.setHeader('server', 'OPNsense');
    const { pathname } = new URL(request.url ?? '/', 'https://firewall');
    const json = (status: number, document: object) =>
      response
        .writeHead(status, { 'content-type': 'application/json; charset=UTF-8' })
        .end(JSON.stringify(document));
    if (!pathname.startsWith('/api/')) {
      const page =
        '<!doctype html>\n<html lang="en">\n<head>\n<title>Login | OPNsense</title></head><body></body></html>';
      return response.writeHead(200, { 'content-type': 'text/html; charset=UTF-8' }).end(page);
    }
    const path = pathname.slice(1);
    const [, , controller, action, host, backup] = path.split('/');
    const known = (controller === 'backup' && !this.state.old) || path === DASHBOARD[0];
    // a call that does not exist is not asked who calls (Router.php)
    if (!known) return json(404, { errorMessage: 'Endpoint not found' });
    if (request.headers.authorization === undefined) return response.writeHead(401).end();
    const [, given = ''] = request.headers.authorization.split(' ');
    // what comes behind a second colon is not looked at
    const [key, secret] = Buffer.from(given, 'base64').toString().split(':');
    if (key !== this.state.key || secret !== this.state.secret) {
      this.failures += 1;
      return json(401, { status: 401, message: 'Authentication Failed' });
    }
    const allowed = this.state.rights.some((right) =>
      right.endsWith('*') ? path.startsWith(right.slice(0, -1)) : path === right,
    );
    if (!allowed) return json(403, { status: 403, message: 'Forbidden' });
    if (path === DASHBOARD[0]) {
      return json(200, {
        name: `${this.#hostname()}.home.arpa`,
        versions: ['OPNsense 26.1.2_3-amd64', 'FreeBSD 14.3-RELEASE-p7', 'OpenSSL 3.0.19'],
        updates: 'Click to check for updates.',
      });
    }
    if (action === 'download') return this.#download(response, host, backup);
    return json(200, { items: { this: { description: 'This Firewall', dirname: '/conf/backup' } } });
  }

  #hostname(): string {
    return /<hostname>(.*)<\/hostname>/.exec([...this.state.backups.values()].at(-1) ?? '')?.[1] ?? '';
  }

  /** downloadAction: nothing at all where there is none, with status 200. */
  #download(response: ServerResponse, host: string | undefined, backup: string | undefined): unknown {
    const newest = [...this.state.backups].toSorted(([a], [b]) => (a < b ? 1 : -1));
    const found = newest.find(([moment]) => !backup || backup === `config-${moment}.xml`);
    if (host !== 'this' || !found) return response.writeHead(200, { 'content-type': 'text/html' }).end();
    const [moment, content] = found;
    return response
      .writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename=config-${this.#hostname()}.home.arpa-${moment}.xml`,
        'content-length': Buffer.byteLength(content),
        pragma: 'no-cache',
        expires: '0',
      })
      .end(content);
  }
}
