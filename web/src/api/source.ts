import { check } from './error'
import { session } from './session'
import { segment, slipway } from './slipway'

export interface Detected {
  Commit: string
  ConfigurationFile: boolean
  Dockerfile: boolean
  Runtime?: string
  BuildCommand?: string
  StartCommand?: string
  Port?: number
  Why: string[]
}

interface Detection {
  ServiceName?: string
  ConnectionArn?: string
  RepositoryUrl: string
  Branch: string
  SourceDirectory: string
}

// detect asks what the files of a branch say about how they are built and run.
export const detect = (detection: Detection) => slipway.post<Detected>('detect', detection)

export interface Uploaded {
  RepositoryUrl: string
  Branch: string
  Files: number
  Bytes: number
  LeftOut?: string[]
  Ignored: number
}

// pathOf is the path of a chosen file in its folder, "" for one that is not sent: what Git keeps for itself.
export function pathOf(file: Pick<File, 'name' | 'webkitRelativePath'>): string {
  const path = file.webkitRelativePath ? file.webkitRelativePath.split('/').slice(1) : [file.name]
  return path[0] === '.git' || path[0] === 'node_modules' ? '' : path.join('/')
}

// upload makes a folder the source code of a service.
export async function upload(service: string, files: File[]): Promise<Uploaded> {
  const form = new FormData()
  for (const file of files) {
    const path = pathOf(file)
    if (path) form.append(path, file)
  }
  const response = await fetch(slipway.url(`services/${segment(service)}/source`), {
    method: 'POST',
    headers: { 'X-Slipway-Token': session().token },
    body: form,
  })
  return (await (await check(response)).json()) as Uploaded
}
