import SpaceBetween from '@cloudscape-design/components/space-between'
import Header from '@cloudscape-design/components/header'
import { useTitle } from '../../hooks/useTitle'
import { Connectors } from './Connectors'
import { Ingress } from './Ingress'

export default function Networks() {
  useTitle('Networking configurations')
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="What instances may connect to, and from where private services are reached.">
        Networking configurations
      </Header>
      <Connectors />
      <Ingress />
    </SpaceBetween>
  )
}
