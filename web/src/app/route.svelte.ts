/** The address bar: paths only, with nothing of a patient in them. */

class Route {
  path = $state(location.pathname);

  constructor() {
    addEventListener('popstate', () => {
      this.path = location.pathname;
    });
  }

  /** Goes to another page of ours. */
  go(path: string, how: 'push' | 'replace' = 'push'): void {
    if (path === location.pathname + location.hash) return;
    if (how === 'push') history.pushState(null, '', path);
    else history.replaceState(null, '', path);
    this.path = location.pathname;
    if (how === 'push') scrollTo(0, 0);
  }
}

export const route = new Route();

/** Lets plain links inside `root` change the page without loading it anew. */
export function followLinks(root: HTMLElement): () => void {
  const onClick = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname === location.pathname && link.hash) return;
    event.preventDefault();
    route.go(link.pathname + link.hash);
  };
  root.addEventListener('click', onClick);
  return () => root.removeEventListener('click', onClick);
}
