import type { Readable } from 'node:stream';
import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';

/** The members of a command that carry its body. */
export interface BodyCommand {
  readonly Body: Readable;
  readonly ContentLength: number;
}

/**
 * Signs the body of a command by a sum that is already known. The SDK sums bodies only when it has them in one piece,
 * and takes a sum that stands in the header for granted.
 */
export function signPayload<Command extends PutObjectCommand | UploadPartCommand>(
  command: Command,
  sha256: string | undefined,
): Command {
  if (sha256 === undefined) return command;
  // Both kinds have the same stack, but the compiler cannot call a method of one or the other.
  const { middlewareStack } = command as UploadPartCommand;
  middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> };
      request.headers['x-amz-content-sha256'] = sha256;
      return next(args);
    },
    { step: 'build', name: 'payloadSum' },
  );
  return command;
}
