import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import { messageOf } from '../api/error'
import { detect, type Detected } from '../api/source'
import { useData } from '../hooks/useData'
import { noConnection, type Draft } from '../wizard/draft'
import { runtimes } from '../wizard/runtimes'

interface Props {
  draft: Draft
  change: (patch: Partial<Draft>) => void
}

// take is what of a draft follows from what was found.
function take(found: Detected): Partial<Draft> {
  if (found.ConfigurationFile) return { configuration: 'REPOSITORY' }
  if (found.Dockerfile) return { configuration: 'DOCKERFILE' }
  return {
    configuration: 'API',
    runtime: found.Runtime ?? '',
    buildCommand: found.BuildCommand ?? '',
    startCommand: found.StartCommand ?? '',
    port: found.Port ? String(found.Port) : '8080',
  }
}

function headline(found: Detected): string {
  if (found.ConfigurationFile) return 'There is a configuration file, apprunner.yaml'
  if (found.Dockerfile) return 'There is a Dockerfile'
  const runtime = runtimes.find(({ value }) => value === found.Runtime)?.label
  return runtime ? `This looks like ${runtime}` : 'Slipway does not recognize these files'
}

// Detection says what the files of the chosen branch look like, and fills in the form when asked.
export function Detection({ draft, change }: Props) {
  const found = useData(
    `detection ${draft.repository} ${draft.branch} ${draft.directory}`,
    () =>
      detect({
        ServiceName: draft.kind === 'folder' ? draft.name : undefined,
        ConnectionArn: draft.connection && draft.connection !== noConnection ? draft.connection : undefined,
        RepositoryUrl: draft.repository,
        Branch: draft.branch,
        SourceDirectory: draft.directory,
      }),
    { live: false },
  )
  if (found.loading) return <Alert type="info">Slipway looks at the files…</Alert>
  if (!found.data) return <Alert type="warning" header="Slipway could not look at the files">{messageOf(found.error)}</Alert>
  const detected = found.data
  const useful = detected.ConfigurationFile || detected.Dockerfile || detected.Runtime
  return (
    <Alert type="info" header={headline(detected)} action={useful && <Button onClick={() => change(take(detected))}>Use these settings</Button>}>
      {useful ? detected.Why.join(' ') : 'None of the files that tell a language is in the source directory, such as package.json, requirements.txt, go.mod or pom.xml.'}
    </Alert>
  )
}
