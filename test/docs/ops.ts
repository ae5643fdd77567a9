import { type DType, dtypes, nameOf } from '../../compiler/ir/dtype.js'
import '../../compiler/ops/index.js'
import { allOps, type OpRecord } from '../../compiler/ops/op.js'

/** docs/ops.md: a row for each record of the registry, in the order of their names. */
export function opsPage(): string {
  const rows = [...allOps()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(row)
  return `# Ops

Every primitive of the IR is one record (\`compiler/ops\`), which says all that the compiler knows of it. This page is made from
the records: \`npx vitest run test/docs/ops.test.ts -u\` writes it anew. Functions of [the language](language.md) are made of these.

- **dtypes**: what operands may be, those with a dtype of their own (ids, conditions) left aside.
- **forward**: the rule of \`jvp\`; "none": no derivative, as if constant; "expanded": that of what it expands to.
- **reverse**: how a cotangent goes back. "linear": by its own rule; "through forward": by the rules of what its forward rule is made of.
- **vmap**: "elementwise": operands are broadcast; "rule": one of its own.
- **kernel**: "map": an expression of elements, which fuses anywhere; "composite": it expands to others before fusion; the others name a strategy.

| op | what | dtypes | forward | reverse | vmap | kernel |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

const row = (record: OpRecord): string => {
  const { name, doc, jvp, transpose, batch, kernel } = record
  const forward = jvp === 'nondifferentiable' ? 'none' : jvp === 'expand' ? 'expanded' : 'rule'
  const back =
    typeof transpose === 'function' ? 'linear' : typeof transpose === 'object' ? 'refused' : 'through forward'
  const cells = [
    `\`${name}\``,
    doc,
    accepted(record),
    forward,
    forward === 'none' ? 'none' : back,
    batch === 'elementwise' ? batch : 'rule',
    kernel.kind,
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '\\<')).join(' | ')} |`
}

/** Found by asking: the first sample's calls again in each dtype. */
function accepted({ infer, samples }: OpRecord): string {
  const takes = (dtype: DType): boolean =>
    samples.some(({ inputs, params = {}, fns }) =>
      inputs.some(({ dtype: from = 'f32' }) => {
        const ins = inputs.map(({ shape, dtype: own = 'f32' }) => ({ shape, dtype: own === from ? dtype : own }))
        try {
          infer(ins, params, fns)
          return true
        } catch {
          return false
        }
      }),
    )
  if (samples.every(({ inputs }) => !inputs.length)) return ''
  if (samples.every(({ fns }) => fns)) return 'any'
  const all = dtypes.filter(takes)
  return all.length === dtypes.length ? 'any' : nameOf(all)
}
