import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { HomeAssistant } from '../home-assistant.ts';

/**
 * Uploads an archive as the Backups page does, from a stream: with a form of `fetch` the tests themselves would grow by
 * the size of the archive. Returns the id of the backup.
 */
export async function uploadStream(
  home: HomeAssistant,
  agentId: string,
  archive: AsyncIterable<Buffer>,
): Promise<string> {
  const boundary = randomUUID();
  async function* form(): AsyncGenerator<Buffer> {
    const head = [
      `--${boundary}`,
      'Content-Disposition: form-data; name="file"; filename="large.tar"',
      'Content-Type: application/x-tar',
    ];
    yield Buffer.from(`${head.join('\r\n')}\r\n\r\n`);
    yield* archive;
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  }
  const outgoing = request(`${home.url}/api/backup/upload?${new URLSearchParams({ agent_id: agentId })}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${home.token}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
  });
  const answered = new Promise<string>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      if (response.statusCode === 201) resolve((JSON.parse(text) as { backup_id: string }).backup_id);
      else reject(new Error(`upload: ${response.statusCode} ${text}`));
    });
  });
  const [id] = await Promise.all([answered, pipeline(form, outgoing)]);
  await home.backups.waitIdle();
  return id;
}
