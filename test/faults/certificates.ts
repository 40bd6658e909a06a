import type { CertificateKind } from '../simulators/s3/index.ts';
import type { FaultCase } from './case.ts';
import { forgetName } from './scene.ts';

const HOST = 'storage.example.test';

const show =
  (kind: CertificateKind): FaultCase['strike'] =>
  async ({ simulator }) => {
    await simulator.showCertificate(kind);
    return () => simulator.showCertificate('trusted');
  };

/** Who is at the other end. */
export const IDENTITY: readonly FaultCase[] = [
  {
    name: 'The name of the store is not known any more (DNS)',
    host: HOST,
    strike: ({ simulator }) => {
      const remember = forgetName(HOST);
      simulator.cutAll();
      return remember;
    },
  },
  { name: 'The certificate has expired', tls: true, strike: show('expired') },
  { name: 'The certificate is signed by nobody who is trusted', tls: true, strike: show('self_signed') },
  { name: 'The certificate is for another name', tls: true, strike: show('wrong_name') },
];
