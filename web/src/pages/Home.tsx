import { useEffect } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import ContentLayout from '@cloudscape-design/components/content-layout'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useLocation } from 'wouter'
import { listServices } from '../api/services'
import { Failure } from '../components/Failure'
import { useData } from '../hooks/useData'
import { useFollow } from '../hooks/useFollow'
import { useTitle } from '../hooks/useTitle'
import { Loading } from '../layout/Loading'

export default function Home() {
  useTitle('Home')
  const [, go] = useLocation()
  const follow = useFollow()
  const services = useData('services', listServices)
  const some = (services.data?.length ?? 0) > 0
  useEffect(() => {
    if (some) go('/services', { replace: true })
  }, [some, go])
  if (services.error !== undefined) return <Failure of="read the services" error={services.error} retry={services.reload} />
  if (services.loading || some) return <Loading />
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="From source code or a container image to a running web service, on your own machine.">
          Slipway
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Run your first service</Header>}>
          <SpaceBetween size="m">
            <Box>Name an image or a repository. Slipway builds it, runs it, watches its health, scales it and gives it an address.</Box>
            <Button variant="primary" href="/services/create" onFollow={follow}>
              Create an App Runner service
            </Button>
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">How it works</Header>}>
          <ol>
            <li>Choose a source: an image in a registry, a repository at a Git host, or a folder on your computer.</li>
            <li>Say how it is built and run, or let Slipway find out.</li>
            <li>Open the address. From then on each push can deploy by itself.</li>
          </ol>
        </Container>
      </SpaceBetween>
    </ContentLayout>
  )
}
