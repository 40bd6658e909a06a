import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a server shows of itself: all but `self_signed` are signed by an authority of their own. */
export type CertificateKind = 'trusted' | 'expired' | 'self_signed' | 'wrong_name';

export interface ServerCertificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** Who is to be trusted, as PEM. */
  readonly authority: string;
}

/** Who signs certificates, as PEM. */
export interface Authority {
  readonly key: string;
  readonly cert: string;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const NAMES: Readonly<Record<CertificateKind, string>> = {
  trusted: 'IP:127.0.0.1,DNS:localhost',
  expired: 'IP:127.0.0.1,DNS:localhost',
  self_signed: 'IP:127.0.0.1,DNS:localhost',
  wrong_name: 'DNS:storage.example',
};

/** Runs openssl in a folder that is gone afterwards. */
function inFolder<Result>(
  work: (openssl: (...args: string[]) => void, path: (name: string) => string) => Result,
): Result {
  const dir = mkdtempSync(join(tmpdir(), 'homestash-certificate-'));
  try {
    return work(
      (...args) => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' }),
      (name) => join(dir, name),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Makes somebody who signs. */
export function makeAuthority(): Authority {
  return inFolder((openssl, path) => {
    const files = ['-keyout', 'authority.key', '-out', 'authority.pem'];
    openssl('req', '-x509', ...EC, ...files, '-subj', '/CN=Simulator authority', '-days', '2');
    const read = (name: string) => readFileSync(path(name), 'utf8');
    return { key: read('authority.key'), cert: read('authority.pem') };
  });
}

/** Makes a certificate for 127.0.0.1, or one in which something is wrong. */
export function makeServerCertificate(kind: CertificateKind, authority: Authority): ServerCertificate {
  return inFolder((openssl, path) => {
    writeFileSync(path('names.cnf'), `subjectAltName=${NAMES[kind]}\n`);
    writeFileSync(path('authority.key'), authority.key);
    writeFileSync(path('authority.pem'), authority.cert);
    openssl('req', ...EC, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=Simulator');
    const signer =
      kind === 'self_signed'
        ? ['-signkey', 'server.key']
        : ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial'];
    const files = ['-in', 'server.csr', '-out', 'server.pem', '-extfile', 'names.cnf'];
    openssl('x509', '-req', ...files, ...signer, '-days', kind === 'expired' ? '-1' : '2');
    const cert = readFileSync(path('server.pem'));
    return {
      key: readFileSync(path('server.key')),
      cert,
      authority: kind === 'self_signed' ? cert.toString() : authority.cert,
    };
  });
}
