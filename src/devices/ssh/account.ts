import { Problem } from '../../kernel/errors.ts';
import { address, multiline, secret, text } from '../fields.ts';
import { parseAddress } from '../http/address.ts';

/** Where SSH listens unless the address says otherwise (RFC 4253, section 4). */
const SSH_PORT = 22;

/** What every kind asks that signs in by SSH. */
export const sshFields = {
  address: address(),
  user: text({ required: true }),
  password: secret(),
  private_key: multiline(),
  passphrase: secret({ advanced: true }),
};

/** Whom to sign in as, and where; what is not given is empty. */
export interface SshAccount {
  readonly address: string;
  readonly user: string;
  readonly password: string;
  /** In a format of OpenSSH, PEM or PuTTY. */
  readonly private_key: string;
  /** Opens the private key. */
  readonly passphrase: string;
}

/** Where a device listens. */
export interface SshAddress {
  /** Without brackets, even of IPv6. */
  readonly host: string;
  readonly port: number;
  /** As it stands in sentences. */
  readonly shown: string;
}

/** Reads the address that a person typed; `usual` is the port where it names none. @throws Problem `invalid_request` where it is one of a page */
export function sshAddress(typed: string, usual = SSH_PORT): SshAddress {
  const found = parseAddress(typed);
  if (!found || found.explicit || found.prefix !== '') {
    throw new Problem('invalid_request', { params: { detail: 'address: a name or an IP address' } });
  }
  const { host, port } = found;
  const bare = host.includes(':') ? `[${host}]` : host;
  return { host, port: port ?? usual, shown: port === undefined ? bare : `${bare}:${port}` };
}
