import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a server shows of itself: all but `self_signed` are signed by an authority of their own. */
export type CertificateKind = 'trusted' | 'expired' | 'self_signed' | 'wrong_name';

export interface ServerCertificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** The authority as PEM, for whoever shall trust the server. */
  readonly authority: string;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const NAMES: Readonly<Record<CertificateKind, string>> = {
  trusted: 'IP:127.0.0.1,DNS:localhost',
  expired: 'IP:127.0.0.1,DNS:localhost',
  self_signed: 'IP:127.0.0.1,DNS:localhost',
  wrong_name: 'DNS:storage.example',
};

/** Makes one with openssl, in a folder that is gone afterwards. */
export function makeServerCertificate(kind: CertificateKind): ServerCertificate {
  const dir = mkdtempSync(join(tmpdir(), 'homestash-certificate-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  try {
    writeFileSync(join(dir, 'names.cnf'), `subjectAltName=${NAMES[kind]}\n`);
    const authority = [
      '-keyout',
      'authority.key',
      '-out',
      'authority.pem',
      '-subj',
      '/CN=Simulator authority',
    ];
    openssl('req', '-x509', ...EC, ...authority, '-days', '2');
    openssl('req', ...EC, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=Simulator');
    const signer =
      kind === 'self_signed'
        ? ['-signkey', 'server.key']
        : ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial'];
    const days = ['-days', kind === 'expired' ? '-1' : '2'];
    openssl(
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-out',
      'server.pem',
      ...signer,
      ...days,
      '-extfile',
      'names.cnf',
    );
    const read = (name: string) => readFileSync(join(dir, name));
    const cert = read('server.pem');
    return {
      key: read('server.key'),
      cert,
      authority: (kind === 'self_signed' ? cert : read('authority.pem')).toString(),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
