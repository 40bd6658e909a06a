/** Where a page starts when nothing stands behind the `#`. */
const START = '/overview';

/** The path behind the `#`: deep links and "back" work, and the server sees none of it. */
export class Router {
  /** `/backups/targets/abc` */
  get path(): string {
    const path = decodeURI(location.hash.slice(1)).split('?')[0] as string;
    return path.startsWith('/') ? path : START;
  }

  /** What stands behind a `?` in the path. */
  get query(): URLSearchParams {
    return new URLSearchParams(location.hash.split('?')[1] ?? '');
  }

  go(path: string): void {
    location.hash = path;
  }

  /** Goes there without leaving a step to go back to. */
  replace(path: string): void {
    location.replace(`#${path}`);
  }
}
