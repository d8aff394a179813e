import { useState } from 'react'
import type { Service, Tag } from '@aws-sdk/client-apprunner'
import Alert from '@cloudscape-design/components/alert'
import { messageOf } from '../../../api/error'
import { Confirm } from '../../../components/Confirm'
import { Unfolded } from '../../../components/Fold'
import { notify } from '../../../lib/notify'
import type { Draft, Errors } from '../../../wizard/draft'
import { fieldOf } from '../../../wizard/fieldof'
import { validate } from '../../../wizard/validate'
import type { Part } from '../../../wizard/summary'
import { apply } from './apply'
import { fieldsOfPart, PartForm } from './PartForm'

interface Props {
  part: Part
  service: Service
  draft: Draft
  tags: Tag[]
  close: (changed: boolean) => void
}

// EditPart changes a part of a service, which deploys it unless only tags change.
export function EditPart({ part, service, draft: before, tags, close }: Props) {
  const [draft, setDraft] = useState(before)
  const [errors, setErrors] = useState<Errors>({})
  const failed = service.Status === 'CREATE_FAILED'
  const onlyTags = part.section === 'tags' || part.section === 'options'
  const save = async () => {
    const found = validate(draft, fieldsOfPart[part.section])
    setErrors(found)
    if (Object.keys(found).length > 0) throw new Error('Something is not right yet.')
    try {
      await apply(service, before, draft, tags, onlyTags)
    } catch (error) {
      const field = fieldOf(messageOf(error))
      if (field) setErrors({ [field]: messageOf(error) })
      throw error
    }
    notify('info', onlyTags ? `${draft.name} was changed.` : `${draft.name} is being ${failed ? 'built again' : 'updated'}.`)
    close(true)
  }
  return (
    <Confirm
      title={part.title}
      size="large"
      verb={failed && !onlyTags ? 'Save and rebuild' : 'Apply changes'}
      action={save}
      close={() => close(false)}
    >
      <Unfolded value={true}>
        <PartForm
          section={part.section}
          fields={{
            draft,
            errors,
            change: (patch) => {
              setDraft((old) => ({ ...old, ...patch }))
              setErrors({})
            },
          }}
        />
      </Unfolded>
      {!onlyTags && !failed && <Alert type="info">Applying deploys a new revision. What runs now serves until that is healthy.</Alert>}
    </Confirm>
  )
}
