import SpaceBetween from '@cloudscape-design/components/space-between'
import { instancesOf, scalingOf } from '../../../api/instances'
import { Failure } from '../../../components/Failure'
import { useData } from '../../../hooks/useData'
import type { View } from '../view'
import { DecisionTable } from './DecisionTable'
import { InstanceTable } from './InstanceTable'

const often = { every: 2000 } // what instances do changes without anything being stored

export function InstancesTab({ service }: View) {
  const name = service.ServiceName ?? ''
  const instances = useData(`instances of ${name}`, () => instancesOf(name), often)
  const scaling = useData(`scaling of ${name}`, () => scalingOf(name), often)
  return (
    <SpaceBetween size="l">
      <Failure of="read the instances" error={instances.error} retry={instances.reload} />
      <InstanceTable service={name} instances={instances.data ?? []} loading={instances.loading} />
      <Failure of="read the scaling decisions" error={scaling.error} retry={scaling.reload} />
      <DecisionTable scaling={scaling.data} loading={scaling.loading} />
    </SpaceBetween>
  )
}
