import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { inOrder } from '../src/api/order.ts';

test('a body is written as the warden writes it, whatever the order of its names', () => {
  const body = { until: 1_764_288_000_000_000, reason: 'Fünf "Worte"\n', emergency: false, issuer: null, list: [{ b: 2, a: 1 }, 'x'], left: undefined };
  assert.equal(inOrder(body), String.raw`{"emergency":false,"issuer":null,"list":[{"a":1,"b":2},"x"],"reason":"Fünf \"Worte\"\n","until":1764288000000000}`);
  const { until, ...rest } = body;
  assert.equal(inOrder({ ...rest, until }), inOrder(body));
});

test('the digest of an act is the one of protocol::act_of', () => {
  const words = ['POST', '/api/approvals/role', '', inOrder({ role: 'radiologist', email: 'a@x.example' })];
  const digest = createHash('sha256').update(JSON.stringify(words)).digest('base64url');
  assert.equal(digest, 'CfpUqXF0Q6Bd3GtdZJDvznXoTbY17KEDl6H5G-PNORk');
});
