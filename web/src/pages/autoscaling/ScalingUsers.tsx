import Box from '@cloudscape-design/components/box'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import Link from '@cloudscape-design/components/link'
import { apprunner, pages } from '../../api/apprunner'
import { useData } from '../../hooks/useData'
import { useFollow } from '../../hooks/useFollow'

// ScalingUsers are the services that have a revision of an auto scaling configuration.
export function ScalingUsers({ arn }: { arn: string }) {
  const follow = useFollow()
  const users = useData(`users of ${arn}`, () =>
    pages(
      (NextToken) => apprunner().listServicesForAutoScalingConfiguration({ AutoScalingConfigurationArn: arn, NextToken }),
      (page) => page.ServiceArnList,
    ),
  )
  const names = (users.data ?? []).map((user) => user.split('/')[1] ?? user)
  return (
    <Container header={<Header variant="h2">Services that use this revision</Header>}>
      {names.length === 0 && <Box>None</Box>}
      {names.map((name) => (
        <Box key={name}>
          <Link href={`/services/${name}`} onFollow={follow}>
            {name}
          </Link>
        </Box>
      ))}
    </Container>
  )
}
