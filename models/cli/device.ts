import { getDevice } from '../../index.js'

/** One line that says what programs run on. */
export async function deviceLine(): Promise<string> {
  const { description, vendor, kind, backend } = (await getDevice()).info
  const where = kind === 'hardware' ? '' : ', on the CPU; a GPU is many times faster: see fovea doctor'
  return `device: ${description || vendor || 'unnamed'} (${kind}, ${backend})${where}`
}
