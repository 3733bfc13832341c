import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** The front that answers in development: the mock by default (`npm run mock`). */
const front = process.env['LEADGLASS_FRONT'] ?? 'http://localhost:8087';

/**
 * vtk.js frees the texture of an image mapper that may have been replaced before it was drawn once, and stops drawing
 * with an error. The build fails when the line is no longer there, so that this goes when they mend it.
 */
function freeOnlyWhatIsThere(): Plugin {
  const line = 'model.openGLTexture.releaseGraphicsResources(renderWindow);';
  return {
    name: 'free-only-what-is-there',
    apply: 'build',
    transform(code, id) {
      if (!id.endsWith('@kitware/vtk.js/Rendering/OpenGL/ImageMapper.js')) return null;
      if (!code.includes(line)) throw new Error('vtk.js has changed: see freeOnlyWhatIsThere in vite.config.ts');
      return { code: code.replace(line, line.replace('.release', '?.release')), map: null };
    },
  };
}

export default defineConfig({
  plugins: [svelte(), freeOnlyWhatIsThere()],
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
