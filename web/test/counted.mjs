/** Waits until `locator` finds just `number` of what it looks for: what a click or an answer changes is drawn a moment later. */

import assert from 'node:assert/strict';

export async function counted(locator, number, why) {
  const end = Date.now() + 10_000;
  let found = await locator.count();
  while (found !== number && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    found = await locator.count();
  }
  assert.equal(found, number, why ?? `${locator} is there ${found} times`);
}
