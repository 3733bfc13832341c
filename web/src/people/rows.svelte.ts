/** A list from the front that a page shows and asks for anew after a change. */

import { get } from '../api/http.ts';

export class Rows<T> {
  rows = $state.raw<T[] | null>(null);
  error = $state<unknown>(null);
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  load = async (): Promise<void> => {
    try {
      this.rows = await get<T[]>(this.#path);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  };
}

/** Moves the focus to the first field that is filled in wrongly. */
export function focusWrong(form: HTMLFormElement): void {
  queueMicrotask(() => form.querySelector<HTMLElement>('[aria-invalid=true]')?.focus());
}
