import { S3Simulator, type S3SimulatorOptions } from './simulator.ts';

export { FAULTS, UNKNOWN_HOST } from './answers.ts';
export type { CertificateKind } from './certificates.ts';
export { crc32Base64 } from './content.ts';
export type { Recorded } from './exchange.ts';
export { type Fault, type FaultHandle, type FaultRule, type FaultTarget, seededRandom } from './faults.ts';
export type { OperationName } from './operations.ts';
export { PROFILES, type Profile, type ProfileName } from './profiles.ts';
export type { BucketSetup, S3Simulator, S3SimulatorOptions } from './simulator.ts';
export type { Upload, Version } from './store.ts';

/**
 * Starts an S3 server on a free port of 127.0.0.1 that has the rules of a provider, looks at every signature and sum,
 * and breaks in the way that a test wants: `simulator.faults.add({ on: { operation: 'UploadPart' }, times: 2, fault:
 * FAULTS.slowDown() })`.
 */
export async function startS3Simulator(options: S3SimulatorOptions = {}): Promise<S3Simulator> {
  const simulator = new S3Simulator(options);
  await simulator.start();
  return simulator;
}
