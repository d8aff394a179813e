import { useState } from 'react'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { apprunner } from '../../../api/apprunner'
import { Failure } from '../../../components/Failure'
import { Summary } from '../../../components/Summary'
import { useData } from '../../../hooks/useData'
import { Loading } from '../../../layout/Loading'
import { fromService } from '../../../wizard/fromservice'
import { summary, type Part } from '../../../wizard/summary'
import type { View } from '../view'
import { EditPart } from './EditPart'

export function ConfigurationTab({ service, reload }: View) {
  const arn = service.ServiceArn ?? ''
  const tags = useData(`tags of ${arn}`, () => apprunner().listTagsForResource({ ResourceArn: arn }))
  const [edited, setEdited] = useState<Part>()
  if (tags.error !== undefined && !tags.data) return <Failure of="read the tags" error={tags.error} retry={tags.reload} />
  if (!tags.data) return <Loading />
  const list = tags.data.Tags ?? []
  const draft = fromService(service, list)
  const editable = service.Status !== 'OPERATION_IN_PROGRESS'
  return (
    <SpaceBetween size="l">
      {summary(draft).map((part) => (
        <Summary key={part.section} part={part} edit={editable ? () => setEdited(part) : undefined} />
      ))}
      {edited && (
        <EditPart
          part={edited}
          service={service}
          draft={draft}
          tags={list}
          close={(changed) => {
            setEdited(undefined)
            if (changed) {
              reload()
              tags.reload()
            }
          }}
        />
      )}
    </SpaceBetween>
  )
}
