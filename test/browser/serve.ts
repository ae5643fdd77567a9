import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

export interface Site {
  readonly port: number
  close(): Promise<void>
}

/** Isolates a page from other origins, which gives it SharedArrayBuffer (HTML, "cross-origin isolated"). */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/**
 * Bundles page.ts for browsers and serves it on this machine: at /isolated/ with the headers of cross-origin isolation, at
 * /plain/ without.
 */
export async function serve(): Promise<Site> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    outdir: '/',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['node:*', 'webgpu'],
    logLevel: 'warning',
  })
  const scripts = new Map(outputFiles.map((file) => [basename(file.path), file.text]))
  const server = createServer((request, response) => {
    const [, mode, name] = (request.url ?? '').split('/')
    const script = scripts.get(name)
    const headers = mode === 'isolated' ? isolation : {}
    if (name === '')
      response
        .writeHead(200, { ...headers, 'Content-Type': 'text/html' })
        .end(
          '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="page.js"></script>',
        )
    else if (script) response.writeHead(200, { ...headers, 'Content-Type': 'text/javascript' }).end(script)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
