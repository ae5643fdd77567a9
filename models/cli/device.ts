import { getDevice } from '../../index.js'

/** One line that says what programs run on. */
export async function deviceLine(): Promise<string> {
  const { description, vendor, kind, backend } = (await getDevice()).info
  const slow = kind !== 'hardware' && kind !== 'cpu'
  return `device: ${description || vendor || 'unnamed'} (${kind}, ${backend})${slow ? ', a GPU in software; the CPU itself is many times faster: unset FOVEA_DEVICE' : ''}`
}
