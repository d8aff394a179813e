import { useState } from 'react'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import { revisionsOf, rollBack, type Revision } from '../../api/operations'
import { Confirm } from '../../components/Confirm'
import { useData } from '../../hooks/useData'
import { describeRevision } from './revision'
import { notify } from '../../lib/notify'
import type { View } from './view'

export function RollBack({ service, reload, close }: View & { close: () => void }) {
  const name = service.ServiceName ?? ''
  const revisions = useData(`revisions of ${name}`, () => revisionsOf(name))
  const older = (revisions.data ?? []).filter((revision) => revision.served && !revision.serving)
  const [chosen, setChosen] = useState<string>()
  const options = older.map((revision: Revision) => ({ value: String(revision.number), label: `Revision ${revision.number}`, description: describeRevision(revision) }))
  const selected = options.find((option) => option.value === chosen) ?? options[0]
  const run = async () => {
    await rollBack(name, Number(selected?.value))
    notify('info', `${name} goes back to revision ${selected?.value ?? ''}.`)
    reload()
  }
  return (
    <Confirm title={`Roll back ${name}?`} verb="Roll back" disabled={!selected} action={run} close={close}>
      <FormField
        label="Revision"
        description="Its image, configuration and environment come back as they were. Nothing is built again."
        errorText={revisions.data && !selected && 'There is no older revision that was healthy.'}
      >
        <Select
          selectedOption={selected ?? null}
          options={options}
          loadingText="Reading the revisions"
          statusType={revisions.loading ? 'loading' : 'finished'}
          onChange={({ detail }) => setChosen(detail.selectedOption.value)}
        />
      </FormField>
    </Confirm>
  )
}
