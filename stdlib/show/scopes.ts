import type { Profile } from '../../index.js'

/** A named scope with those inside it. Times in ms: its own, and with theirs. */
export interface ScopeNode {
  readonly name: string
  readonly path: string
  readonly self: number
  readonly total: number
  /** The longest first. */
  readonly children: readonly ScopeNode[]
}

/** Scopes by their paths as a tree; what has no scope is a child named '(no scope)' beside the others. */
export function scopeTree(scopes: Profile['scopes']): ScopeNode {
  interface Open {
    self: number
    readonly inner: Map<string, Open>
  }
  const root: Open = { self: 0, inner: new Map() }
  for (const { name, ms } of scopes) {
    let at = root
    for (const part of name === '' ? ['(no scope)'] : name.split('/')) {
      const next = at.inner.get(part) ?? { self: 0, inner: new Map() }
      at.inner.set(part, next)
      at = next
    }
    at.self += ms
  }
  const close = (name: string, path: string, { self, inner }: Open): ScopeNode => {
    const children = [...inner]
      .map(([part, open]) => close(part, path ? `${path}/${part}` : part, open))
      .sort((a, b) => b.total - a.total)
    return { name, path, self, total: children.reduce((sum, c) => sum + c.total, self), children }
  }
  return close('', '', root)
}
