import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a server needs to serve https. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate for 127.0.0.1, signed by an authority that nobody else knows. */
export interface Certificate extends CertificateFiles {
  /** The authority, as PEM: what a person enters to trust the server. */
  readonly authority: string;
  /** The same as a file. */
  readonly authorityFile: string;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority and a certificate with openssl, in a folder that is made as well. */
export function makeCertificate(dir: string): Certificate {
  mkdirSync(dir, { recursive: true });
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  writeFileSync(file('names.cnf'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const authority = ['-keyout', file('authority.key'), '-out', file('authority.pem')];
  openssl('req', '-x509', ...EC, ...authority, '-days', '2', '-subj', '/CN=Homestash test authority');
  openssl('req', ...EC, '-keyout', file('server.key'), '-out', file('server.csr'), '-subj', '/CN=localhost');
  const signed = ['-CA', file('authority.pem'), '-CAkey', file('authority.key'), '-CAcreateserial'];
  const names = ['-extfile', file('names.cnf'), '-days', '2'];
  openssl('x509', '-req', '-in', file('server.csr'), '-out', file('server.pem'), ...signed, ...names);
  return {
    certFile: file('server.pem'),
    keyFile: file('server.key'),
    authority: readFileSync(file('authority.pem'), 'utf8'),
    authorityFile: file('authority.pem'),
  };
}
