import { afterAll, expect, test } from 'vitest'
import { destroyDevice, exp, matmul, namedScope, ones, type Profile, profile, scan, type Tensor } from '../../index.js'
import { profileHtml, profileText, profileTrace, type TraceEvent } from '../../stdlib/show/index.js'
import { scopeTree } from '../../stdlib/show/scopes.js'

afterAll(destroyDevice)

const evil = `</script><img src=x onerror="alert(1)">&'`
/** Three scopes, one of them named to break a page, and a loop. */
const measured: Promise<Profile> = profile(
  (x: Tensor<[16, 16], 'f32'>) => {
    const a = namedScope('outer', () => namedScope(evil.replaceAll('/', '|'), () => exp(matmul(x, x))))
    return namedScope('loop', () => (scan as any)((c: any) => [matmul(c, a), null], a, null, { length: 3 })[0])
  },
  [ones([16, 16])],
  { rounds: 2, name: evil },
)

test('tables name every kernel, scope and line, up to `top`', async () => {
  const p = await measured
  const text = profileText(p)
  for (const { label } of p.dispatches) expect(text).toContain(label)
  expect(text).toMatch(/^.*outer$/m)
  expect(text).toMatch(/\d\.\d %.*profile\.test\.ts:\d+$/m)
  expect(text).not.toMatch(/NaN|undefined/)
  const short = profileText(p, { top: 1 })
  expect(short).toContain(`… ${p.dispatches.length - 1} more`)
  expect(short.length).toBeLessThan(text.length)
})

test('scopes as a tree have their own time and all of what is inside', () => {
  const root = scopeTree([
    { name: 'a/b', ms: 2 },
    { name: 'a', ms: 1 },
    { name: '', ms: 4 },
    { name: 'a/c/d', ms: 3 },
  ])
  expect(root.total).toBe(10)
  const [a, none] = root.children
  expect([a.name, a.self, a.total]).toEqual(['a', 1, 6])
  expect(a.children.map((c) => [c.path, c.self, c.total])).toEqual([
    ['a/c', 0, 3],
    ['a/b', 2, 2],
  ])
  expect([none.name, none.total]).toEqual(['(no scope)', 4])
})

/** What the trace event format asks of each kind of event. */
function checkEvent(event: TraceEvent): void {
  expect(typeof event.name).toBe('string')
  for (const key of ['pid', 'tid', 'ts'] as const) expect(Number.isFinite(event[key])).toBe(true)
  expect(event.ts).toBeGreaterThanOrEqual(0)
  if (event.ph === 'X') expect(event.dur).toBeGreaterThanOrEqual(0)
  else expect(event.dur).toBeUndefined()
  if (event.ph === 'C') for (const value of Object.values(event.args)) expect(typeof value).toBe('number')
  if (event.ph === 'M') expect(Object.keys(event.args)).toEqual(['name'])
  expect(['X', 'C', 'M']).toContain(event.ph)
}

test('the trace has a slice for each dispatch, and scopes around them that nest', async () => {
  const p = await measured
  const { traceEvents } = JSON.parse(JSON.stringify(profileTrace(p))) as ReturnType<typeof profileTrace>
  traceEvents.forEach(checkEvent)
  const slices = (cat: string) => traceEvents.filter((e) => e.cat === cat)
  expect(slices('kernel').map((e) => e.args.dispatch)).toEqual(p.memory.live.map((l) => l.dispatch))
  expect(traceEvents.filter((e) => e.ph === 'C').map((e) => e.args['temporaries and results'])).toEqual([
    ...p.memory.live.map((l) => l.bytes),
    0,
  ])
  const end = (e: TraceEvent): number => e.ts + e.dur!
  const scopes = slices('scope')
  expect(scopes.map((e) => e.name)).toContain('outer')
  for (const a of scopes)
    for (const b of scopes) {
      const isApart = end(a) <= b.ts + 1e-9 || end(b) <= a.ts + 1e-9
      const isInside = (x: TraceEvent, y: TraceEvent): boolean => x.ts >= y.ts - 1e-9 && end(x) <= end(y) + 1e-9
      expect(isApart || isInside(a, b) || isInside(b, a)).toBe(true)
    }
  for (const e of slices('kernel'))
    for (const name of String(e.args.scope).split('/').filter(Boolean))
      expect(scopes.some((s) => s.name === name && s.ts <= e.ts + 1e-9 && end(s) >= end(e) - 1e-9)).toBe(true)
})

const withoutCode = (html: string): string => html.replace(/<style>[\s\S]*?<\/style>|<script>[\s\S]*?<\/script>/g, '')

/** Elements of a page, each closed in its turn; the texts and attributes stay what they are. */
function elements(html: string): string[] {
  const body = withoutCode(html)
  const open: string[] = []
  const seen: string[] = []
  for (const [, close, name, , self] of body.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>/g,
  )) {
    if (close) expect(open.pop()).toBe(name)
    else {
      seen.push(name)
      if (!self && name !== 'meta') open.push(name)
    }
  }
  expect(open).toEqual([])
  // Nothing but the doctype is left that looks like a tag.
  expect(body.replace(/<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>/g, '').split('<').length).toBe(2)
  return seen
}

test('the page is well-formed, needs nothing else, and shows names as text', async () => {
  const p = await measured
  const html = profileHtml(p)
  const seen = elements(html)
  expect(seen).not.toContain('img')
  expect(html).not.toContain(evil)
  expect(html).toContain('&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;')
  expect(html.match(/<script>/g)).toHaveLength(1)
  expect(html).not.toMatch(/(?:src|href)="/)
  expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/)
  expect(withoutCode(html)).not.toMatch(/NaN|undefined/)
  expect(seen.filter((name) => name === 'table').length).toBe(4)
  expect([...html.matchAll(/<g data-n="(\d+)"/g)].map((m) => Number(m[1]))).toEqual(p.dispatches.map((d) => d.number))
})

test('a program without dispatches is shown too', async () => {
  const p = await profile((_: Tensor<[2], 'f32'>) => [], [ones([2])], { rounds: 1 })
  elements(profileHtml(p))
  expect(withoutCode(profileHtml(p))).not.toMatch(/NaN|undefined|Infinity/)
  expect(profileText(p)).not.toMatch(/NaN|undefined|Infinity/)
  profileTrace(p).traceEvents.forEach(checkEvent)
})
