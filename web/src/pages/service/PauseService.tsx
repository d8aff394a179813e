import Box from '@cloudscape-design/components/box'
import { apprunner } from '../../api/apprunner'
import { Confirm } from '../../components/Confirm'
import type { View } from './view'

export function PauseService({ service, reload, close }: View & { close: () => void }) {
  const pause = async () => {
    await apprunner().pauseService({ ServiceArn: service.ServiceArn })
    reload()
  }
  return (
    <Confirm title={`Pause ${service.ServiceName ?? ''}?`} verb="Pause" action={pause} close={close}>
      <Box>Its instances end, and what they have in memory and on disk is lost. Its address answers that it is paused, until you resume it.</Box>
    </Confirm>
  )
}
