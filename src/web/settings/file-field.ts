import { html, type TemplateResult } from 'lit';
import { shape } from '../kit/status.ts';

interface FileFieldOptions {
  readonly id: string;
  readonly label: string;
  readonly error: string | undefined;
  /** What the name ends in. */
  readonly accept: string;
  readonly change: (file: File | undefined) => void;
}

/** A file that a person chooses. */
export const fileField = ({ id, label, error, accept, change }: FileFieldOptions): TemplateResult => html`
  <div class="field">
    <label for=${id}>${label}</label>
    <div class="control">
      <input
        type="file"
        id=${id}
        accept=${accept}
        aria-describedby="${id}-error"
        aria-invalid=${error ? 'true' : 'false'}
        required
        @change=${(event: Event) => change((event.target as HTMLInputElement).files?.[0])}
      />
    </div>
    <p class="field-error" id="${id}-error" aria-live="polite">${error ? html`${shape('bad')}${error}` : ''}</p>
  </div>
`;

/** A file as it travels within JSON. */
export function readBase64(file: File): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve((reader.result as string).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
