/** Where things lie at the broker. All names come from ids and none from what people call things. */
export class Topics {
  readonly #instance: string;
  readonly #prefix: string;

  /** @param prefix Home Assistant's discovery prefix, usually `homeassistant` */
  constructor(instance: string, prefix: string) {
    this.#instance = instance;
    this.#prefix = prefix;
  }

  /** Whether we are there: `online` or `offline`. */
  get status(): string {
    return `homestash/${this.#instance}/status`;
  }

  /** Who we are to Home Assistant. */
  get node(): string {
    return `homestash_${this.#instance}`;
  }

  /** Where Home Assistant says that it has started. */
  get birth(): string {
    return `${this.#prefix}/status`;
  }

  /** How Home Assistant knows a device. */
  identifier(device: string): string {
    return device === 'core' ? this.node : `${this.node}_${device}`;
  }

  config(device: string): string {
    return `${this.#prefix}/device/${this.node}/${device}/config`;
  }

  state(device: string): string {
    return `homestash/${this.#instance}/${device}/state`;
  }

  event(device: string): string {
    return `homestash/${this.#instance}/${device}/event`;
  }

  command(device: string, command: string): string {
    return `homestash/${this.#instance}/${device}/${command}/set`;
  }

  /** All commands to any device. */
  get commands(): string {
    return this.command('+', '+');
  }

  /** All that was ever kept there for us, under one prefix. */
  get ours(): readonly string[] {
    return [this.config('+'), this.state('+')];
  }

  /** Which device a kept message is about, and of which kind it is. */
  kept(topic: string): { readonly device: string; readonly what: 'config' | 'state' } | undefined {
    const device = topic.split('/').at(-2) ?? '';
    if (topic === this.config(device)) return { device, what: 'config' };
    return topic === this.state(device) ? { device, what: 'state' } : undefined;
  }

  /** Which command was sent to which device. */
  asked(topic: string): { readonly device: string; readonly command: string } | undefined {
    const [device = '', command = ''] = topic.split('/').slice(-3, -1);
    return topic === this.command(device, command) ? { device, command } : undefined;
  }
}
