import { useState } from 'react'
import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useLocation } from 'wouter'
import { apprunner } from '../../api/apprunner'
import { messageOf } from '../../api/error'
import { cancel, underWay } from '../../api/operations'
import { notify } from '../../lib/notify'
import { DeleteService } from './DeleteService'
import { PauseService } from './PauseService'
import { RollBack } from './RollBack'
import type { View } from './view'

type Asked = 'pause' | 'delete' | 'rollback'

export function ServiceHeader(view: View) {
  const { service, operations, reload } = view
  const [, go] = useLocation()
  const [asked, setAsked] = useState<Asked>()
  const [busy, setBusy] = useState(false)
  const arn = { ServiceArn: service.ServiceArn }
  const name = service.ServiceName ?? ''
  const run = async (what: string, action: () => Promise<unknown>) => {
    setBusy(true)
    try {
      await action()
      notify('info', what)
      reload()
    } catch (error) {
      notify('error', messageOf(error))
    } finally {
      setBusy(false)
    }
  }
  const failed = service.Status === 'CREATE_FAILED'
  const running = service.Status === 'RUNNING'
  const deploying = underWay(operations[0])
  return (
    <>
      <Header
        variant="h1"
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {deploying && (
              <Button loading={busy} onClick={() => void run(`The operation of ${name} is being cancelled.`, () => cancel(name))}>
                Cancel
              </Button>
            )}
            <ButtonDropdown
              items={[
                { id: 'pause', text: 'Pause', disabled: !running },
                { id: 'resume', text: 'Resume', disabled: service.Status !== 'PAUSED' },
                { id: 'rollback', text: 'Roll back', disabled: !running },
                { id: 'delete', text: 'Delete', disabled: service.Status === 'OPERATION_IN_PROGRESS' },
              ]}
              onItemClick={({ detail }) =>
                detail.id === 'resume'
                  ? void run(`${name} is being resumed.`, () => apprunner().resumeService(arn))
                  : setAsked(detail.id as Asked)
              }
            >
              Actions
            </ButtonDropdown>
            {failed && <Button onClick={() => go(`/services/${name}/configuration`)}>Edit configuration</Button>}
            {failed ? (
              <Button
                variant="primary"
                loading={busy}
                onClick={() => void run(`${name} is being built again.`, () => apprunner().startDeployment(arn))}
              >
                Rebuild
              </Button>
            ) : (
              <Button
                variant="primary"
                disabled={!running}
                loading={busy}
                onClick={() => void run(`${name} is being deployed.`, () => apprunner().startDeployment(arn))}
              >
                Deploy
              </Button>
            )}
          </SpaceBetween>
        }
      >
        {name}
      </Header>
      {asked === 'pause' && <PauseService {...view} close={() => setAsked(undefined)} />}
      {asked === 'delete' && <DeleteService {...view} close={() => setAsked(undefined)} />}
      {asked === 'rollback' && <RollBack {...view} close={() => setAsked(undefined)} />}
    </>
  )
}
