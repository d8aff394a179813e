import SideNavigation from '@cloudscape-design/components/side-navigation'
import { useLocation } from 'wouter'
import { useFollow } from '../hooks/useFollow'

const items = [
  ['Services', '/services'],
  ['Connected accounts', '/connections'],
  ['Auto scaling configurations', '/autoscaling'],
  ['Networking configurations', '/networking'],
  ['Observability configurations', '/observability'],
  ['Repositories', '/repositories'],
] as const

const own = [
  ['Keys', '/keys'],
  ['Settings', '/settings'],
] as const

export function Navigation({ onGo }: { onGo: () => void }) {
  const follow = useFollow()
  const [path] = useLocation()
  const active = [...items, ...own].find(([, href]) => path.startsWith(href))?.[1] ?? path
  return (
    <SideNavigation
      header={{ text: 'App Runner', href: '/' }}
      activeHref={active}
      onFollow={(event) => {
        follow(event)
        onGo()
      }}
      items={[
        ...items.map(([text, href]) => ({ type: 'link' as const, text, href })),
        { type: 'divider' },
        ...own.map(([text, href]) => ({ type: 'link' as const, text, href })),
      ]}
    />
  )
}
