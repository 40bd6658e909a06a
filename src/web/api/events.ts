/** The data of each server-sent event of a stream (WHATWG HTML, "Server-sent events"); what is no data is passed over. */
export async function* eventsIn(
  body: ReadableStream<Uint8Array>,
  heard?: () => void,
): AsyncGenerator<unknown> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard?.();
      const lines = (rest + value).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) {
        if (line.startsWith('data:')) yield JSON.parse(line.slice('data:'.length));
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
