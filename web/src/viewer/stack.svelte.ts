/**
 * One pane: which study and series it shows, which images are there, and how the picture is turned. It owns the
 * viewport; the pane's markup only reads.
 */

import type { StackViewport, Types } from '@cornerstonejs/core';
import { untrack } from 'svelte';
import { get } from '../api/http.ts';
import type { SeriesRow, StudyDetail } from '../api/types.ts';
import { enable, Events, imageIdOf, isLoaded, load, resize, unload } from './engine.ts';
import { letters, opposite } from './geometry.ts';
import { cineRate, imagesOf, number, numbers, text, type Dataset, type ImageRef, type Vector } from './instances.ts';
import { dragged, presetsOf, rangeOf, windowOf, type Window } from './presets.ts';

export type Tool = 'window' | 'pan' | 'zoom' | 'scroll' | 'measure';
export const There = { No: 0, Loading: 1, Yes: 2, Failed: 3 } as const;
export type There = (typeof There)[keyof typeof There];

/** Frames fetched at the same time. */
const FETCHES_MAX = 6;

/** Where a pane is, in numbers: nothing of it names anybody. */
export interface PanePlace {
  study: number;
  /** The series' place in the study. */
  series: number;
  image: number;
  window: Window;
  inverted: boolean;
}

export interface Line {
  index: number;
  from: Types.Point3;
  to: Types.Point3;
}

export class Stack {
  detail = $state.raw<StudyDetail | null>(null);
  series = $state.raw<SeriesRow | null>(null);
  images = $state.raw<ImageRef[]>([]);
  index = $state(0);
  /** State of each image, and a counter that changes with it. */
  there: There[] = [];
  changes = $state(0);
  /** Whether the metadata of the series is on its way. */
  preparing = $state(false);
  error = $state<unknown>(null);
  /** Why the present image is not shown. */
  failure = $state<unknown>(null);
  shown = $state(false);
  window = $state.raw<Window>({ centre: 0, width: 1 });
  colour = $state(false);
  zoom = $state(1);
  /** Turned over by the reader. */
  inverted = $state(false);
  playing = $state(false);
  fps = $state(10);
  /** A counter that changes with every drawn frame: overlays follow it. */
  drawn = $state(0);
  lines = $state.raw<Line[]>([]);

  /** Called when this pane's slice changes by the reader's hand, for linked scrolling. */
  onscrolled: (() => void) | null = null;

  #viewport: StackViewport | null = null;
  #ids: string[] = [];
  #asking = 0;
  #fetches = 0;
  #direction = 1;
  #timer = 0;
  #last = 0;
  #range = { least: 0, most: 1 };
  #flips = { horizontal: false, vertical: false };
  /** Whether the image means its low values to be bright (MONOCHROME1). */
  #dark = false;
  #drawing = false;
  /** What the viewport has drawn last: which question, which image. */
  #drawnFor = { asking: -1, index: -1 };

  /** Binds this pane to its element; returns what undoes it. */
  attach = (element: HTMLDivElement): (() => void) => {
    const { viewport, disable } = enable(element);
    this.#viewport = viewport;
    this.#drawnFor = { asking: -1, index: -1 };
    const onnew = (event: Event): void => this.#newImage((event as CustomEvent<{ image: Types.IImage }>).detail.image);
    const ondrawn = (): void => {
      this.zoom = viewport.getZoom();
      this.drawn += 1;
    };
    element.addEventListener(Events.newImage, onnew);
    element.addEventListener(Events.rendered, ondrawn);
    // a pane that changes its shape must never stretch its picture
    const observer = new ResizeObserver(() => {
      const untouched = Math.abs(viewport.getZoom() - 1) < 0.001;
      resize();
      if (this.shown && untouched) viewport.resetCamera();
      viewport.render();
    });
    observer.observe(element);
    // untracked: the viewport is bound once, not anew for every slice
    untrack(() => {
      if (this.images.length > 0) void this.#turnTo(this.index);
    });
    return () => {
      this.pause();
      observer.disconnect();
      element.removeEventListener(Events.newImage, onnew);
      element.removeEventListener(Events.rendered, ondrawn);
      this.#viewport = null;
      disable();
    };
  };

  place(): PanePlace | null {
    const { detail, series } = this;
    if (!detail || !series) return null;
    return { study: detail.study.number, series: detail.series.findIndex((row) => row.uid === series.uid), image: this.index, window: this.window, inverted: this.inverted };
  }

  /** Shows what was shown at a place, as it was shown. */
  async showAt(detail: StudyDetail, place: PanePlace): Promise<void> {
    const series = detail.series[place.series];
    if (!series || detail.study.cold) return;
    if (this.series?.uid !== series.uid || this.detail?.study.number !== place.study) await this.show(detail, series);
    this.to(place.image, 'link');
    await this.#turnTo(this.index);
    if (!this.shown) return;
    if (!this.colour) this.#setWindow(place.window);
    if (this.inverted !== place.inverted) this.invert();
  }

  async show(detail: StudyDetail, series: SeriesRow): Promise<void> {
    this.pause();
    const asking = (this.#asking += 1);
    this.detail = detail;
    this.series = series;
    this.images = [];
    this.#ids = [];
    this.there = [];
    this.lines = [];
    this.shown = false;
    this.error = null;
    this.failure = null;
    this.preparing = true;
    this.#flips = { horizontal: false, vertical: false };
    this.inverted = false;
    try {
      const datasets = await get<Dataset[]>(`/dicom-web/studies/${detail.study.uid}/series/${series.uid}/metadata`, { accept: 'application/dicom+json' });
      if (asking !== this.#asking) return;
      const images = imagesOf(detail.study.uid, series.uid, datasets);
      this.#ids = images.map(imageIdOf);
      this.there = images.map(() => There.No);
      this.images = images;
      this.index = 0;
      const [first] = images;
      if (first) this.fps = cineRate(first.dataset, first.frames);
      void this.#turnTo(0);
    } catch (error) {
      if (asking === this.#asking) this.error = error;
    } finally {
      if (asking === this.#asking) this.preparing = false;
    }
  }

  get image(): ImageRef | null {
    return this.images[this.index] ?? null;
  }

  get multiframe(): boolean {
    return (this.images[0]?.frames ?? 1) > 1;
  }

  /** How many images are there. */
  get count(): number {
    void this.changes;
    return this.there.filter((state) => state === There.Yes).length;
  }

  // scrolling

  to(index: number, by: 'hand' | 'link' | 'cine' = 'hand'): void {
    const wanted = Math.max(0, Math.min(this.images.length - 1, index));
    if (wanted === this.index || this.images.length === 0) return;
    this.#direction = wanted > this.index ? 1 : -1;
    this.index = wanted;
    this.failure = null;
    void this.#turnTo(wanted);
    if (by !== 'link') this.onscrolled?.();
  }

  step(by: number): void {
    this.to(this.index + by);
  }

  // the picture

  reset(): void {
    const viewport = this.#viewport;
    if (!viewport || !this.shown) return;
    this.#flips = { horizontal: false, vertical: false };
    this.lines = [];
    viewport.setCamera({ flipHorizontal: false, flipVertical: false });
    viewport.resetProperties();
    viewport.resetCamera();
    this.inverted = false;
    this.#readWindow();
    viewport.render();
  }

  fit(): void {
    this.#viewport?.resetCamera();
    this.#viewport?.render();
  }

  invert(): void {
    const viewport = this.#viewport;
    if (!viewport || !this.shown) return;
    this.inverted = !this.inverted;
    viewport.setProperties({ invert: this.inverted !== this.#dark });
    viewport.render();
  }

  flip(which: 'horizontal' | 'vertical'): void {
    const viewport = this.#viewport;
    if (!viewport || !this.shown) return;
    this.#flips[which] = !this.#flips[which];
    viewport.setCamera(which === 'horizontal' ? { flipHorizontal: this.#flips.horizontal } : { flipVertical: this.#flips.vertical });
    viewport.render();
  }

  preset(key: number): void {
    const preset = presetsOf(this.series?.modality ?? '')[key - 1];
    if (!preset || this.colour || !this.shown) return;
    this.#setWindow(preset.window(this.#stored(), this.#range));
  }

  dragWindow(dx: number, dy: number): void {
    if (!this.colour && this.shown) this.#setWindow(dragged(this.window, dx, dy));
  }

  dragPan(dx: number, dy: number): void {
    const viewport = this.#viewport;
    if (!viewport || !this.shown) return;
    const [x, y] = viewport.getPan();
    viewport.setPan([x + dx, y + dy]);
    viewport.render();
  }

  dragZoom(factor: number): void {
    const viewport = this.#viewport;
    if (!viewport || !this.shown) return;
    viewport.setZoom(Math.max(0.05, Math.min(40, viewport.getZoom() * factor)));
    viewport.render();
  }

  // cine

  play(): void {
    if (this.images.length < 2 || this.playing) return;
    this.playing = true;
    this.#last = performance.now();
    const tick = (now: number): void => {
      if (!this.playing) return;
      this.#timer = requestAnimationFrame(tick);
      if (now - this.#last < 1_000 / this.fps) return;
      const next = (this.index + 1) % this.images.length;
      // an image that is not there yet holds the film instead of showing a gap
      if (this.there[next] === There.Loading || this.there[next] === There.No) return;
      this.#last = now;
      this.to(next, 'cine');
    };
    this.#timer = requestAnimationFrame(tick);
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.#timer);
  }

  // geometry for the overlays

  /** Letters at the right and lower edge, and their opposites; `null` where the data set does not say. */
  sides(): { left: string; right: string; top: string; bottom: string } | null {
    const { image } = this;
    const viewport = this.#viewport;
    if (!image || !viewport || !this.shown) return null;
    if (image.normal) {
      const origin = viewport.canvasToWorld([0, 0]);
      const right = letters(minus(viewport.canvasToWorld([100, 0]), origin));
      const bottom = letters(minus(viewport.canvasToWorld([0, 100]), origin));
      return { right, left: opposite(right), bottom, top: opposite(bottom) };
    }
    // projections name the sides of rows and columns instead (PS3.3 C.7.6.1.1.1)
    const [row = '', column = ''] = (image.dataset['00200020']?.Value ?? []).map(String);
    if (!row || !column) return null;
    const right = this.#flips.horizontal ? opposite(row) : row;
    const bottom = this.#flips.vertical ? opposite(column) : column;
    return { right, left: opposite(right), bottom, top: opposite(bottom) };
  }

  /** Millimetres per CSS pixel, and whether they hold in the patient or only at the detector. */
  scale(): { millimetres: number; detector: boolean } | null {
    const { image } = this;
    const viewport = this.#viewport;
    if (!image || !viewport || !this.shown) return null;
    const spacing = this.#spacing(image);
    if (!spacing) return null;
    const [from, to] = [viewport.canvasToWorld([0, 0]), viewport.canvasToWorld([100, 0])];
    return { millimetres: (Math.hypot(...minus(to, from)) / 100) * spacing.factor, detector: spacing.detector };
  }

  worldOf(x: number, y: number): Types.Point3 | null {
    return this.shown ? (this.#viewport?.canvasToWorld([x, y]) ?? null) : null;
  }

  pointOf(world: Types.Point3): Types.Point2 | null {
    return this.shown ? (this.#viewport?.worldToCanvas(world) ?? null) : null;
  }

  /** A length in millimetres, or in pixels of the image where it brings no spacing. */
  lengthOf(line: Line): { value: number; unit: 'mm' | 'px' } {
    const { image } = this;
    const spacing = image ? this.#spacing(image) : null;
    return { value: Math.hypot(...minus(line.to, line.from)) * (spacing?.factor ?? 1), unit: spacing ? 'mm' : 'px' };
  }

  retry(): void {
    const id = this.#ids[this.index];
    if (!id) return;
    unload(id);
    this.failure = null;
    this.there[this.index] = There.No;
    void this.#turnTo(this.index);
  }

  // the engine

  async #turnTo(index: number): Promise<void> {
    const asking = this.#asking;
    if (!(await this.#fetch(index))) return;
    // only the image that is still wanted is drawn: a slow one must not come back over a later one
    if (asking === this.#asking && index === this.index) await this.#draw();
    this.#prefetch();
  }

  /** Brings the viewport to the wanted image. One call at a time: the engine loses track of two. */
  async #draw(): Promise<void> {
    if (this.#drawing) return;
    this.#drawing = true;
    try {
      while (this.#viewport) {
        const viewport = this.#viewport;
        const [asking, index] = [this.#asking, this.index];
        const id = this.#ids[index];
        if (id === undefined || !isLoaded(id) || (this.#drawnFor.asking === asking && this.#drawnFor.index === index)) return;
        try {
          if (this.#drawnFor.asking === asking) {
            await viewport.setImageIdIndex(index);
          } else {
            await viewport.setStack(this.#ids, index);
            if (this.#viewport === viewport) viewport.resetCamera();
          }
          if (this.#viewport !== viewport) return;
          viewport.render();
        } catch (error) {
          if (this.#viewport !== viewport) return;
          // the engine may hold half of this stack: the next picture is given to it anew
          this.#drawnFor = { asking: -1, index: -1 };
          if (asking !== this.#asking || index !== this.index) continue;
          this.failure = error;
          return;
        }
        this.#drawnFor = { asking, index };
        // the engine draws with the next frame; what it holds may not be replaced before it was drawn once
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    } finally {
      this.#drawing = false;
    }
  }

  /** Whether the image is there; notes why not. */
  async #fetch(index: number): Promise<boolean> {
    const asking = this.#asking;
    const id = this.#ids[index];
    if (id === undefined) return false;
    if (this.there[index] === There.No) this.#mark(index, There.Loading);
    try {
      await load(id);
      if (asking === this.#asking) this.#mark(index, There.Yes);
      return true;
    } catch (error) {
      if (asking === this.#asking) {
        this.#mark(index, There.Failed);
        if (index === this.index) this.failure = error;
      }
      return false;
    }
  }

  /** Fetches what is missing, nearest first, in the direction of the last scroll. */
  #prefetch(): void {
    while (this.#fetches < FETCHES_MAX) {
      const next = this.#nextMissing();
      if (next === null) return;
      const asking = this.#asking;
      this.#fetches += 1;
      this.#mark(next, There.Loading);
      void this.#fetch(next).finally(() => {
        this.#fetches -= 1;
        if (asking === this.#asking || this.#fetches === 0) this.#prefetch();
      });
    }
  }

  #nextMissing(): number | null {
    for (let distance = 0; distance < this.there.length; distance += 1) {
      for (const index of [this.index + distance * this.#direction, this.index - distance * this.#direction]) {
        if (this.there[index] === There.No) return index;
      }
    }
    return null;
  }

  #mark(index: number, state: There): void {
    this.there[index] = state;
    this.changes += 1;
  }

  #newImage(image: Types.IImage): void {
    const first = !this.shown;
    this.shown = true;
    this.failure = null;
    this.colour = image.color;
    this.#range = { least: image.minPixelValue, most: image.maxPixelValue };
    if (first) queueMicrotask(() => this.#readWindow());
    this.#dark = image.invert;
  }

  #readWindow(): void {
    const range = this.#viewport?.getProperties().voiRange;
    if (range) this.window = windowOf(range);
  }

  #setWindow(window: Window): void {
    this.window = window;
    this.#viewport?.setProperties({ voiRange: rangeOf(window) });
    this.#viewport?.render();
  }

  #stored(): Window {
    const { image } = this;
    const [centre, width] = image ? [number(image.dataset, '00281050'), number(image.dataset, '00281051')] : [null, null];
    if (centre !== null && width !== null && width > 0) return { centre, width };
    return { centre: (this.#range.least + this.#range.most) / 2, width: Math.max(1, this.#range.most - this.#range.least) };
  }

  /** The engine measures in Pixel Spacing; where only the detector's is known, it measures in pixels. */
  #spacing(image: ImageRef): { factor: number; detector: boolean } | null {
    const own = numbers(image.dataset, '00280030');
    if (own.length === 2) return { factor: 1, detector: false };
    if (image.dataset['52009229'] || image.dataset['52009230']) return image.normal ? { factor: 1, detector: false } : null;
    const [detector] = numbers(image.dataset, '00181164');
    return detector ? { factor: detector, detector: true } : null;
  }

  /** The modality of the images, for presets and overlays. */
  get modality(): string {
    return this.series?.modality ?? (this.image ? text(this.image.dataset, '00080060') : '');
  }
}

function minus(one: Types.Point3, other: Types.Point3): Vector {
  return [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
}
