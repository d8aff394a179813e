import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group'
import { useFollow } from '../hooks/useFollow'

export function Crumbs({ items }: { items: { text: string; href: string }[] }) {
  const follow = useFollow()
  return <BreadcrumbGroup items={items} onFollow={follow} ariaLabel="Where this page is" />
}
