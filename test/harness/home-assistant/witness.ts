import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { homeAssistantBin } from '../cache.ts';

// As Home Assistant's own S3 integrations read a description, and name the archive beside it.
const READ = `
import json, sys
from homeassistant.components.backup import AgentBackup, suggested_filename
backup = AgentBackup.from_dict(json.load(open(sys.argv[1])))
print(json.dumps({"backup": backup.as_dict(), "filename": suggested_filename(backup)}))
`;

/** What Home Assistant itself makes of a `.metadata.json`; throws where it cannot read it. */
export async function readAsHomeAssistant(
  file: string,
): Promise<{ backup: Record<string, unknown>; filename: string }> {
  const python = join(homeAssistantBin(), 'python');
  const { stdout } = await promisify(execFile)(python, ['-c', READ, file]);
  return JSON.parse(stdout);
}
