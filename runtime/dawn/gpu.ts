/** Every GPU object made: if one were collected, a pending map of a buffer would crash Node at exit. */
const kept: GPU[] = []

// Dawn keeps f16 off on NVIDIA's Vulkan driver unless asked; elsewhere the toggle does nothing. It rounds times to 0.1 ms, which
// is for pages that must not spy on each other.
const toggles = ['enable-dawn-features=vulkan_enable_f16_on_nvidia', 'disable-dawn-features=timestamp_quantization']

/**
 * A WebGPU entry point over Dawn. `adapter` is part of an adapter's name: only such adapters are offered.
 * The environment (Vulkan drivers) is read anew by each one.
 */
export async function createGpu(adapter?: string): Promise<GPU> {
  const { create } = await import('webgpu')
  const gpu = create(adapter ? [...toggles, `adapter=${adapter}`] : toggles)
  kept.push(gpu)
  return gpu
}
