/**
 * Cornerstone3D behind the few words that the viewer needs. It loads with the viewer only.
 *
 * Frames come through our own `fetch` (api/http.ts), so that an ended session or an absent warden holds an image back
 * instead of losing it. Pointer work is ours too (pointer.ts): the tools package writes style attributes, which the
 * content policy forbids, and a stack needs little of it.
 *
 * Everything of a patient that the engine holds (images, metadata) is dropped by `forget`.
 */

import { cache, Enums, imageLoader, init as initCore, RenderingEngine, type StackViewport, type Types } from '@cornerstonejs/core';
import { createImage, init as initLoader, wadors } from '@cornerstonejs/dicom-image-loader';
import { fetchBytes } from '../api/http.ts';
import { firstPart } from './frames.ts';
import { text, type Dataset, type ImageRef } from './instances.ts';
import { completePalette } from './palette.ts';
import { drawable } from './uncompressed.ts';

/** What decoded images may take in this browser, in bytes. */
export const CACHE_BYTES_MAX = 1_500 * 1_024 * 1_024;
const WORKERS_MAX = 4;
const SCHEME = 'wadors';
const ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';

/** Errors that a pane shows. */
const told = new WeakSet<Error>();
let ready = false;
let rendering: RenderingEngine | null = null;
let viewports = 0;

/** Makes the engine ready. Repeating it does nothing. */
export function prepare(): void {
  if (ready) return;
  initCore();
  initLoader({ maxWebWorkers: Math.max(1, Math.min(WORKERS_MAX, Math.floor((navigator.hardwareConcurrency || 2) / 2))) });
  imageLoader.registerImageLoader(SCHEME, loadImage as unknown as Types.ImageLoaderFn);
  cache.setMaxCacheSize(CACHE_BYTES_MAX);
  // the engine rejects a promise of its own beside ours: the pane has said already what is wrong
  addEventListener('unhandledrejection', (event) => {
    if (event.reason instanceof Error && told.has(event.reason)) event.preventDefault();
  });
  ready = true;
}

/** The engine's name for an image; its metadata becomes known with it. */
export function imageIdOf(image: ImageRef): string {
  const id = `${SCHEME}:${image.path}`;
  // the frames of one instance share what stands at the first
  if (image.frame === 1) wadors.metaDataManager.add(id, lit(image.dataset) as never);
  return id;
}

/**
 * Images for presentation may say INVERSE (Presentation LUT Shape, PS3.3 C.11.6) beside MONOCHROME2; the engine knows
 * only MONOCHROME1, which looks the same.
 */
function lit(dataset: Dataset): Dataset {
  const inverse = text(dataset, '20500020') === 'INVERSE' && text(dataset, '00280004') === 'MONOCHROME2';
  return inverse ? { ...dataset, '00280004': { vr: 'CS', Value: ['MONOCHROME1'] } } : dataset;
}

export type Loaded = Types.IImage;

/** Fetches, opens and decodes one image, or finds it in the cache. */
export function load(imageId: string): Promise<Loaded> {
  return imageLoader.loadAndCacheImage(imageId) as Promise<Loaded>;
}

export function isLoaded(imageId: string): boolean {
  return cache.getImage(imageId) !== undefined;
}

/** Lets a failed image be tried again. */
export function unload(imageId: string): void {
  if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
}

/** A viewport on `element`. */
export function enable(element: HTMLDivElement): { viewport: StackViewport; disable: () => void } {
  prepare();
  rendering ??= new RenderingEngine('leadglass');
  viewports += 1;
  const viewportId = `pane-${viewports}`;
  const engine = rendering;
  engine.enableElement({ viewportId, element, type: Enums.ViewportType.STACK, defaultOptions: { background: [0, 0, 0] } });
  const viewport = engine.getViewport<StackViewport>(viewportId);
  return { viewport, disable: () => engine.disableElement(viewportId) };
}

export function resize(): void {
  rendering?.resize(true, true);
}

/** Drops every image and every data set. */
export function forget(): void {
  rendering?.destroy();
  rendering = null;
  cache.purgeCache();
  wadors.metaDataManager.purge();
}

export const Events = { newImage: Enums.Events.STACK_NEW_IMAGE, rendered: Enums.Events.IMAGE_RENDERED } as const;

function loadImage(imageId: string): { promise: Promise<Loaded>; cancelFn: () => void } {
  const controller = new AbortController();
  const fetching = async (): Promise<Loaded> => {
    const response = await fetchBytes(imageId.slice(SCHEME.length + 1), { accept: ACCEPT, signal: controller.signal });
    const part = firstPart(new Uint8Array(await response.arrayBuffer()), response.headers.get('Content-Type'));
    if (!part || part.bytes.length === 0) throw new Error('the answer holds no frame');
    const dataset = wadors.metaDataManager.get(imageId) as Dataset | undefined;
    if (dataset) await completePalette(dataset, controller.signal);
    const transferSyntax = part.transferSyntax ?? (dataset && text(dataset, '00083002') ? text(dataset, '00083002') : IMPLICIT_LITTLE_ENDIAN);
    const bytes = dataset ? drawable(part.bytes, dataset, transferSyntax) : part.bytes;
    const image = (await createImage(imageId, bytes as never, transferSyntax, {})) as Loaded;
    // the loader takes the first letter of the name for the name, and the engine then draws nothing
    image.voiLUTFunction = voiFunction(dataset);
    return image;
  };
  const promise = fetching().catch((error: unknown) => {
    // what was called off is not waited for by anybody
    if (controller.signal.aborted) return new Promise<Loaded>(() => undefined);
    if (error instanceof Error) told.add(error);
    throw error;
  });
  return { promise, cancelFn: () => controller.abort() };
}

/** VOI LUT Function (PS3.3 C.11.2.1.3); LINEAR where it is absent. */
function voiFunction(dataset: Dataset | undefined): Enums.VOILUTFunctionType {
  const named = dataset ? text(dataset, '00281056') : '';
  return Object.values(Enums.VOILUTFunctionType).find((known) => known === named) ?? Enums.VOILUTFunctionType.LINEAR;
}
