/** Stands in for Node's `events`, which an XML package below Cornerstone3D extends and our pages never run. */

type Listener = (...args: unknown[]) => void;

export class EventEmitter {
  #listeners = new Map<string, Listener[]>();

  on(name: string, listener: Listener): this {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    return this;
  }

  removeListener(name: string, listener: Listener): this {
    this.#listeners.set(name, (this.#listeners.get(name) ?? []).filter((other) => other !== listener));
    return this;
  }

  emit(name: string, ...args: unknown[]): boolean {
    const listeners = this.#listeners.get(name) ?? [];
    for (const listener of listeners) listener(...args);
    return listeners.length > 0;
  }
}

export default EventEmitter;
