import { useCallback } from 'react'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Tabs from '@cloudscape-design/components/tabs'
import { useLocation } from 'wouter'
import { codeOf } from '../../api/error'
import { operationsOf } from '../../api/operations'
import { serviceNamed } from '../../api/services'
import { Crumbs } from '../../components/Crumbs'
import { Failure } from '../../components/Failure'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'
import { Loading } from '../../layout/Loading'
import { NotFound } from '../NotFound'
import { Overview } from './Overview'
import { Problem } from './Problem'
import { ServiceHeader } from './ServiceHeader'
import { tabs } from './tabs'

interface Props {
  name: string
  tab: string
}

export default function Service({ name, tab }: Props) {
  useTitle(name)
  const [, go] = useLocation()
  const service = useData(`service ${name}`, () => serviceNamed(name))
  const operations = useData(`operations of ${name}`, () => operationsOf(name))
  const reload = useCallback(() => {
    service.reload()
    operations.reload()
  }, [service, operations])
  if (codeOf(service.error) === 'ResourceNotFoundException') return <NotFound what={`There is no service ${name} (any more)`} />
  if (!service.data) return service.loading ? <Loading /> : <Failure of="read the service" error={service.error} retry={service.reload} />
  const view = { service: service.data, operations: operations.data ?? [], reload }
  return (
    <SpaceBetween size="l">
      <Crumbs items={[{ text: 'Services', href: '/services' }, { text: name, href: `/services/${name}` }]} />
      <ServiceHeader {...view} />
      <Failure of="read the service" error={service.error} retry={service.reload} />
      <Problem {...view} />
      <Overview {...view} />
      <Tabs
        activeTabId={tab}
        onChange={({ detail }) => go(`/services/${name}/${detail.activeTabId}`)}
        tabs={tabs.map(({ id, label, Content }) => ({ id, label, content: id === tab && <Content {...view} /> }))}
      />
    </SpaceBetween>
  )
}
