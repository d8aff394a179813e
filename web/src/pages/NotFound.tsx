import Box from '@cloudscape-design/components/box'
import ContentLayout from '@cloudscape-design/components/content-layout'
import Header from '@cloudscape-design/components/header'
import Link from '@cloudscape-design/components/link'
import { useFollow } from '../hooks/useFollow'

export function NotFound({ what = 'There is no such page' }: { what?: string }) {
  const follow = useFollow()
  return (
    <ContentLayout header={<Header variant="h1">{what}</Header>}>
      <Box>
        Go to your{' '}
        <Link href="/services" onFollow={follow}>
          services
        </Link>
        .
      </Box>
    </ContentLayout>
  )
}
