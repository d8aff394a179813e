// The sizes of instances that App Runner has: for each number of CPU units, the memory in MB.
export const sizes: Record<string, string[]> = {
  '256': ['512', '1024'],
  '512': ['1024'],
  '1024': ['2048', '3072', '4096'],
  '2048': ['4096', '6144'],
  '4096': ['8192', '10240', '12288'],
}

// inUnits writes "1 vCPU" or "1024" as 1024.
export function inUnits(size: string | undefined, fallback: string): string {
  const n = Number.parseFloat(size ?? '')
  if (Number.isNaN(n)) return fallback
  return String(/vCPU|GB/.test(size ?? '') ? n * 1024 : n)
}
