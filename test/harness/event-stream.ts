/** The server-sent events of an answer as they come: the data of each, read as JSON. */
export async function* eventsOf<Event>(response: Response): AsyncGenerator<Event> {
  let pending = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    pending += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = pending.split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      if (data) yield JSON.parse(data.slice('data: '.length)) as Event;
    }
  }
}

/** All events of an answer, once it has ended. */
export async function allEventsOf<Event>(response: Response): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf<Event>(response)) events.push(event);
  return events;
}
