/**
 * Mouse, pen and fingers on a pane. Left drag is the active tool, middle pans, right zooms, the wheel scrolls; one
 * finger scrolls until another tool is chosen, two fingers pan and zoom.
 */

import type { Line, Stack, Tool } from './stack.svelte.ts';

/** Wheel travel that makes one image on devices that scroll smoothly, in pixels. */
const WHEEL_STEP_PX = 40;
const LINE_PX = 40;
/** Drag that makes one image with the scroll tool, in pixels. */
const DRAG_STEP_PX = 8;
/** Shorter lines are slips of the hand, in pixels. */
const LINE_LEAST_PX = 4;

interface Options {
  stack: Stack;
  tool: () => Tool;
  onactive: () => void;
  online: (line: Line | null) => void;
}

type Doing = Tool | 'pinch';

export function listen(element: HTMLElement, { stack, tool, onactive, online }: Options): () => void {
  const fingers = new Map<number, { x: number; y: number }>();
  let doing: Doing | null = null;
  let last = { x: 0, y: 0 };
  let begin = { x: 0, y: 0 };
  let spread = 0;
  let rest = 0;
  let wheel = 0;

  const place = (event: PointerEvent): { x: number; y: number } => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  function ondown(event: PointerEvent): void {
    if (event.target instanceof Element && event.target.closest('button')) return;
    onactive();
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    begin = last = place(event);
    rest = 0;
    if (fingers.size === 2) {
      doing = 'pinch';
      spread = spreadOf();
      last = middleOf();
      online(null);
    } else {
      doing = actionOf(event);
    }
    event.preventDefault();
    element.focus({ preventScroll: true });
  }

  function actionOf(event: PointerEvent): Doing {
    if (event.button === 1) return 'pan';
    if (event.button === 2) return 'zoom';
    if (event.pointerType === 'touch' && tool() === 'window') return 'scroll';
    return tool();
  }

  function onmove(event: PointerEvent): void {
    if (!doing || !fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, place(event));
    const at = doing === 'pinch' ? middleOf() : place(event);
    const [dx, dy] = [at.x - last.x, at.y - last.y];
    last = at;
    switch (doing) {
      case 'window':
        stack.dragWindow(dx, dy);
        break;
      case 'pan':
        stack.dragPan(dx, dy);
        break;
      case 'zoom':
        stack.dragZoom(Math.exp(-dy / 200));
        break;
      case 'scroll': {
        rest += dy;
        const steps = Math.trunc(rest / DRAG_STEP_PX);
        rest -= steps * DRAG_STEP_PX;
        if (steps !== 0) stack.step(steps);
        break;
      }
      case 'measure':
        online(lineTo(at));
        break;
      case 'pinch': {
        const now = spreadOf();
        stack.dragPan(dx, dy);
        if (spread > 0 && now > 0) stack.dragZoom(now / spread);
        spread = now;
        break;
      }
    }
  }

  function onup(event: PointerEvent): void {
    fingers.delete(event.pointerId);
    if (doing === 'measure') {
      const line = lineTo(place(event));
      const far = Math.hypot(last.x - begin.x, last.y - begin.y) >= LINE_LEAST_PX;
      if (line && far && event.type === 'pointerup') stack.lines = [...stack.lines, line];
      online(null);
    }
    doing = null;
  }

  function lineTo(at: { x: number; y: number }): Line | null {
    const [from, to] = [stack.worldOf(begin.x, begin.y), stack.worldOf(at.x, at.y)];
    return from && to ? { index: stack.index, from, to } : null;
  }

  function onwheel(event: WheelEvent): void {
    event.preventDefault();
    onactive();
    if (event.ctrlKey) {
      stack.dragZoom(Math.exp(-event.deltaY / 200));
      return;
    }
    const travel = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE_PX;
    // a notch of a mouse wheel is one image, however far its driver says it went
    if (event.deltaMode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(travel) >= 2 * WHEEL_STEP_PX) {
      wheel = 0;
      stack.step(Math.sign(travel));
      return;
    }
    wheel += travel;
    const steps = Math.trunc(wheel / WHEEL_STEP_PX);
    wheel -= steps * WHEEL_STEP_PX;
    if (steps !== 0) stack.step(steps);
  }

  function middleOf(): { x: number; y: number } {
    const places = [...fingers.values()];
    return { x: places.reduce((sum, { x }) => sum + x, 0) / places.length, y: places.reduce((sum, { y }) => sum + y, 0) / places.length };
  }

  function spreadOf(): number {
    const [one, other] = [...fingers.values()];
    return one && other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
  }

  const nothing = (event: Event): void => event.preventDefault();
  const onfit = (): void => stack.fit();
  element.addEventListener('pointerdown', ondown);
  element.addEventListener('pointermove', onmove);
  element.addEventListener('pointerup', onup);
  element.addEventListener('pointercancel', onup);
  element.addEventListener('wheel', onwheel, { passive: false });
  element.addEventListener('contextmenu', nothing);
  element.addEventListener('dblclick', onfit);
  return () => {
    element.removeEventListener('pointerdown', ondown);
    element.removeEventListener('pointermove', onmove);
    element.removeEventListener('pointerup', onup);
    element.removeEventListener('pointercancel', onup);
    element.removeEventListener('wheel', onwheel);
    element.removeEventListener('contextmenu', nothing);
    element.removeEventListener('dblclick', onfit);
  };
}
