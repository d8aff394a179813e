import Box from '@cloudscape-design/components/box'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { Command } from '../../components/Command'
import { session } from '../../api/session'

interface Props {
  repository: string
  close: () => void
}

export function PushCommands({ repository, close }: Props) {
  const host = window.location.host
  return (
    <Modal visible size="large" header={`Push commands for ${repository}`} onDismiss={close}>
      <SpaceBetween size="m">
        <Box>Sign in to the registry: the user is an access key, the password its secret.</Box>
        <Command>{`docker login ${host} -u ${session().keyId}`}</Command>
        <Box>Build the image, with the registry in its name:</Box>
        <Command>{`docker build -t ${host}/${repository}:latest .`}</Command>
        <Box>Push it:</Box>
        <Command>{`docker push ${host}/${repository}:latest`}</Command>
        <Box>Services that watch this tag deploy it.</Box>
      </SpaceBetween>
    </Modal>
  )
}
