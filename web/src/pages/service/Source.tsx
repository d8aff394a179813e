import type { SourceConfiguration } from '@aws-sdk/client-apprunner'
import Link from '@cloudscape-design/components/link'

// Source says where a service comes from.
export function Source({ source }: { source: SourceConfiguration | undefined }) {
  const code = source?.CodeRepository
  if (!code) return <>{source?.ImageRepository?.ImageIdentifier ?? '–'}</>
  const url = code.RepositoryUrl ?? ''
  const branch = code.SourceCodeVersion?.Value ?? ''
  const directory = code.SourceDirectory && code.SourceDirectory !== '/' ? ` in ${code.SourceDirectory}` : ''
  return (
    <>
      {/^https?:/.test(url) ? (
        <Link href={url} external target="_blank">
          {url}
        </Link>
      ) : (
        url
      )}
      {` (${branch}${directory})`}
    </>
  )
}
