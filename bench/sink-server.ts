// A server that drops what it gets, and sends as many bytes as the path says: what HTTP alone costs.
// usage: sink-server.ts HOST PORT
import { createServer } from 'node:http';

const MIB = 1024 * 1024;
const [host = '127.0.0.1', port = '0'] = process.argv.slice(2);
const chunk = Buffer.alloc(MIB, 1);

const server = createServer(async (request, response) => {
  if (request.method === 'PUT') {
    request.resume().once('end', () => response.end());
    return;
  }
  const length = Number(request.url?.slice(1));
  response.writeHead(200, { 'content-length': length });
  for (let left = length; left > 0; left -= chunk.length) {
    if (!response.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) {
      await new Promise((resolve) => response.once('drain', resolve));
    }
  }
  response.end();
});
server.requestTimeout = 0;
server.listen(Number(port), host, () => process.stdout.write('ready\n'));
