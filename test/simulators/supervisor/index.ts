import { type SupervisorOptions, SupervisorSimulator } from './simulator.ts';

export { type AppConfigInput, readAppConfig } from './app-config.ts';
export type { CoreContainer, User } from './core-link.ts';
export type { Message } from './discovery.ts';
export { INGRESS_COOKIE } from './sessions.ts';
export type { SupervisorOptions, SupervisorSimulator } from './simulator.ts';
export type { Broker } from './world.ts';

/**
 * Starts a Supervisor on a free port of 127.0.0.1, with our app installed: what config.yaml does not ask for is refused
 * as the real one refuses it.
 */
export async function startSupervisor(options: SupervisorOptions = {}): Promise<SupervisorSimulator> {
  const simulator = new SupervisorSimulator(options);
  await simulator.start();
  return simulator;
}
