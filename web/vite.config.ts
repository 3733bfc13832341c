import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** The front that answers in development: the mock by default (`npm run mock`). */
const front = process.env['LEADGLASS_FRONT'] ?? 'http://localhost:8087';

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    // two packages below Cornerstone3D expect these modules of Node.js by name
    alias: {
      events: new URL('./src/viewer/shims/events.ts', import.meta.url).pathname,
      url: new URL('./src/viewer/shims/url.ts', import.meta.url).pathname,
    },
  },
  worker: { format: 'es' },
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // the policy is script-src 'self': nothing may be inlined as data:
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    reportCompressedSize: false,
    manifest: true,
  },
  server: { port: 5173, strictPort: true, proxy: { '/api': front, '/dicom-web': front } },
});
