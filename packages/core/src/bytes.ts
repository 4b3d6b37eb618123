// How amounts of memory are written: in decimal units, as disks and the tensors' own sizes are counted.

/** `512 bytes`, `1.5 MB`, `26.2 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`
  const power = Math.min(3, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toFixed(1)} ${['kB', 'MB', 'GB'][power - 1]}`
}
