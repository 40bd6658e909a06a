import { ApiFault } from './answers.ts';
import type { RouteTable } from './routes.ts';
import type { World } from './world.ts';

const KNOWN = ['mqtt', 'mysql'];
const PROVIDER = 'core_mosquitto';

/** Services that other apps provide; the only one that can be there is MQTT. */
export function services(world: World): RouteTable {
  const providers = () => (world.broker ? [PROVIDER] : []);
  return {
    'GET /services': () => ({
      services: KNOWN.map((slug) => ({
        slug,
        available: slug === 'mqtt' && world.broker !== undefined,
        providers: slug === 'mqtt' ? providers() : [],
      })),
    }),
    'GET /services/{service}': ({ params, from }) => {
      const service = params.service ?? '';
      if (!KNOWN.includes(service)) throw new ApiFault(404, 'Service does not exist');
      if (from === 'app' && !world.app.rightTo(service))
        throw new ApiFault(403, `No access to ${service} service!`);
      if (service !== 'mqtt' || !world.broker) throw new ApiFault(400, 'Service not enabled');
      return { ssl: false, protocol: '3.1.1', ...world.broker, addon: PROVIDER };
    },
  };
}
