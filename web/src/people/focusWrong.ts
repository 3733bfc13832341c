/** Moves the focus to the first field that is filled in wrongly. */
export function focusWrong(form: HTMLFormElement): void {
  queueMicrotask(() => form.querySelector<HTMLElement>('[aria-invalid=true]')?.focus());
}
